"""Values as JSON for everybody: readable by other languages, and safe to decode whoever wrote it."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pynenc.serializer.base_serializer import BaseSerializer
from pynenc.serializer.constants import RESERVED_KEY_START
from pynenc.serializer.envelopes import EnvelopeReader, to_envelopes
from pynenc.serializer.plain_json import read_json, write_json, write_plain
from pynenc.serializer.refusal import too_deep, too_deep_to_read


@runtime_checkable
class JsonSerializable(Protocol):
    """A class whose instances travel as JSON in a form of their own: implement both methods.

    ``JsonSerializer`` needs it for everything beyond JSON values, enumerations and exceptions;
    ``JsonPickleSerializer`` prefers it to looking inside the object.
    """

    def to_json(self) -> Any:
        """A JSON value (dict, list, str, ...) from which the object can be made again."""
        ...

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The object that ``to_json`` described as ``data``."""
        ...


class DefaultJSONEncoder(json.JSONEncoder):
    """Encoder for ``json.dumps(value, cls=DefaultJSONEncoder)`` that writes what ``JsonSerializer`` writes."""

    def encode(self, o: Any) -> str:
        return "".join(self.iterencode(o, _one_shot=True))

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:  # noqa: FBT002 - its signature
        return super().iterencode(to_envelopes(o), _one_shot)

    def default(self, o: Any) -> Any:
        return to_envelopes(o)


class JsonSerializer(BaseSerializer):
    """JSON text that can be decoded without trusting its author.

    JSON values, members of enumerations, exceptions, and classes that implement ``JsonSerializable``. Tuples come
    back as lists, and keys as strings. Decoding finds classes only in modules that are imported already, calls
    nothing but exception classes, enumerations and ``from_json``, and imports nothing.
    """

    trusted: ClassVar[bool] = False

    #: Modules that decoding may import when they are named (submodules included). Extend it in a subclass.
    importable_modules: ClassVar[tuple[str, ...]] = ()

    def serialize(self, obj: Any) -> str:
        try:
            text = write_plain(obj)
            if text is None or RESERVED_KEY_START in text:
                text = write_json(to_envelopes(obj))
        except RecursionError:
            raise too_deep(obj) from None
        return text

    def deserialize(self, text: str) -> Any:
        value = read_json(text)
        if RESERVED_KEY_START not in text:
            return value
        try:
            return EnvelopeReader(self.importable_modules).restore(value)
        except RecursionError:
            raise too_deep_to_read() from None
