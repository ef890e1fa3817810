"""What a serializer has to do."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class BaseSerializer(ABC):
    """Turns values into text and back: arguments, results, fields of exceptions, workflow data.

    Subclass it, implement both methods, and name the class in the setting ``serializer_cls`` (a dotted path).
    It is created without arguments, once for each application, and used by several threads at a time.
    """

    #: Whether stored text is trusted: True lets an exception be rebuilt from any class that can be imported,
    #: False only from classes that this process has imported already.
    trusted: ClassVar[bool] = True

    @abstractmethod
    def serialize(self, obj: Any, /) -> str:
        """Turn ``obj`` into text that another process can read.

        Raises:
            TypeError: the value, or something inside it, cannot be represented.
            ValueError: the value is nested too deeply, or contains itself.
        """

    @abstractmethod
    def deserialize(self, text: str, /) -> Any:
        """Turn text made by ``serialize`` back into a value.

        Raises:
            ValueError: the text is damaged, or names a class that this process does not have.
        """
