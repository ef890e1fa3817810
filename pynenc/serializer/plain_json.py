"""The fast path: values that are JSON already.

Most arguments and results are numbers, texts, lists and dictionaries. Asking "is it only that?" and letting the C
encoder of the standard library write it costs about a microsecond (figures: docs/decisions/0003-serializers.md).
The question has to be asked: the C encoder also accepts tuples, enumerations and integer keys, and writes them as
something else.
"""

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

from pynenc.serializer.refusal import too_deep_to_read

_SCALARS: Final = frozenset({type(None), bool, int, float, str})
_ONLY_STR: Final = frozenset({str})

#: NaN and the infinities are written as Python writes them; JSON has no names for them.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_decode: Final = json.JSONDecoder().decode

#: Scalars that are written without the encoder: the shortest way for the most frequent values.
_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    int: int.__repr__,
    str: encode_basestring,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
    float: _encode,
}


def is_plain(value: object) -> bool:
    """Whether ``value`` consists of exact JSON types only, and so comes back from JSON as it was.

    Raises:
        RecursionError: it is nested too deeply, or contains itself.
    """
    kind = type(value)
    if kind in _SCALARS:
        return True
    members: Any = value
    if kind is dict and _ONLY_STR.issuperset(map(type, members)):
        members = members.values()
    elif kind is not list:
        return False
    if _SCALARS.issuperset(map(type, members)):  # asked in C, for all at once
        return True
    for member in members:  # noqa: SIM110 - a generator would take half as long again
        if type(member) not in _SCALARS and not is_plain(member):
            return False
    return True


def write_plain(value: object) -> str | None:
    """The JSON text of ``value``, or None where ``value`` is more than plain JSON.

    Raises:
        RecursionError: it is nested too deeply, or contains itself.
        ValueError: an integer is too long for Python to write in decimal.
    """
    write = _WRITERS.get(type(value))
    if write is None:
        return write_json(value) if is_plain(value) else None
    text = write(value)
    return text if text.isascii() else _storable(text, value)


def write_json(value: object) -> str:
    """Compact JSON text of ``value``, which every store can encode as UTF-8."""
    text = _encode(value)
    return text if text.isascii() else _storable(text, value)


def _storable(text: str, value: object) -> str:
    """``text``, or an ASCII form of it: half of a surrogate pair (odd file names have them) has no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _encode_ascii(value)
    return text


def read_json(text: str) -> Any:
    """The value that JSON text stands for.

    Raises:
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        return _decode(text)
    except RecursionError:
        raise too_deep_to_read() from None
