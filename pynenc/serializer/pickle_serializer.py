"""Values by Python's own pickle."""

import base64
import io
import pickle
from typing import Any

from pynenc.serializer.base_serializer import BaseSerializer
from pynenc.serializer.exception_state import reduce_exception
from pynenc.serializer.refusal import refusal, too_deep


class _Pickler(pickle.Pickler):
    """A pickler whose exceptions can be loaded whatever their constructor asks for."""

    def reducer_override(self, obj: Any) -> Any:
        return reduce_exception(obj) if isinstance(obj, BaseException) else NotImplemented


class PickleSerializer(BaseSerializer):
    """Pickle (protocol 5) as base64 text.

    Handles nearly every Python object, fast. Loading can run any code: use it only where everybody who can write
    to the store is trusted.
    """

    def serialize(self, obj: Any) -> str:
        buffer = io.BytesIO()
        try:
            _Pickler(buffer, protocol=5).dump(obj)
        except RecursionError:
            raise too_deep(obj) from None
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise refusal(obj, str(error), "Pass the data it stands for: a list, a path, an id.") from error
        return base64.b64encode(buffer.getbuffer()).decode("ascii")

    def deserialize(self, text: str) -> Any:
        try:
            return pickle.loads(base64.b64decode(text))  # noqa: S301 - what this class is for; documented above
        except (pickle.UnpicklingError, EOFError, ImportError, AttributeError) as error:
            raise ValueError(
                f"Cannot load a pickle: {error}. It is damaged, or made with other code: "
                "install the same version of the application here and where the value was made."
            ) from error
