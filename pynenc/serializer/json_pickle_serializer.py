"""The default serializer: Python values with their types, as JSON text in the format of jsonpickle."""

import functools
from importlib import import_module
from typing import Any, Final

from pynenc.serializer.base_serializer import BaseSerializer
from pynenc.serializer.jsonpickle_decoding import FaithfulDecoding
from pynenc.serializer.jsonpickle_encoding import TAG_START, FaithfulEncoding
from pynenc.serializer.plain_json import read_json, write_json, write_plain
from pynenc.serializer.refusal import too_deep, too_deep_to_read

#: How a tag of jsonpickle begins in JSON text. Text without it is plain JSON.
_TAG_IN_TEXT: Final = f'"{TAG_START}'


class JsonPickleSerializer(BaseSerializer):
    """Keeps Python types: what comes out equals what went in, and is of the same class.

    Plain JSON values are written as JSON. Everything else goes through jsonpickle: dataclasses, named tuples, sets,
    bytes, dates, enumerations, exceptions, Pydantic models, arrays, references to invocations; in short what pickle
    can rebuild. A class with ``to_json`` and ``from_json`` (see ``JsonSerializable``) travels in the form it gives
    itself. What cannot be rebuilt (generators, open files, locks, lambdas) is refused with a ``TypeError``.

    Of plain JSON, a list that occurs twice comes back as two lists; all else keeps its references.
    Decoding can run any code: use it only where everybody who can write to the store is trusted.
    """

    def serialize(self, obj: Any) -> str:
        try:
            text = _write_plain(obj)
            if text is None or _TAG_IN_TEXT in text:
                encoder, _ = _graph_coders()
                text = write_json(encoder().flatten(obj))
        except RecursionError:
            raise too_deep(obj) from None
        return text

    def deserialize(self, text: str) -> Any:
        value = read_json(text)
        if _TAG_IN_TEXT not in text:
            return value
        _, decoder = _graph_coders()
        try:
            return decoder().restore(value)
        except RecursionError:
            raise too_deep_to_read() from None


def _write_plain(obj: Any) -> str | None:
    """JSON text, or None for what needs jsonpickle: its references for a loop, base 16 for a very long integer."""
    try:
        return write_plain(obj)
    except (RecursionError, ValueError):
        return None


@functools.cache
def _graph_coders() -> tuple[type[Any], type[Any]]:
    """Join our overrides with jsonpickle's encoder and decoder."""
    # Imported when a value first needs it: 24 ms and 2 MB, or 54 ms and 9 MB where nothing else has loaded YAML.
    handler_of = import_module("jsonpickle.handlers").get
    pickler: Any = import_module("jsonpickle.pickler").Pickler
    unpickling: Any = import_module("jsonpickle.unpickler")

    class GraphEncoder(FaithfulEncoding, pickler):  # type: ignore[misc]  # jsonpickle has no types
        def __init__(self) -> None:
            super().__init__()
            self.handler_of = handler_of
            self.under_construction = set()

    class GraphDecoder(FaithfulDecoding, unpickling.Unpickler):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__(on_missing="error")  # pyright: ignore[reportCallIssue]
            self.load_class = unpickling.loadclass

    return GraphEncoder, GraphDecoder
