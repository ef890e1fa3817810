"""The stored form of a trigger: JSON objects; users' values in them as the application's serializer writes them."""

from typing import Any, Protocol

JsonObject = dict[str, Any]


class Codec(Protocol):
    """Users' values as text and back: the application's serializer."""

    def serialize(self, obj: Any, /) -> str:
        """A value as text."""
        ...

    def deserialize(self, serialized_obj: str, /) -> Any:
        """The value of a text."""
        ...
