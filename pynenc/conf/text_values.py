"""Reading a setting's value from text, as it comes from an environment variable or a file."""

import json
from collections.abc import Iterable
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

#: Words for "not set" in fields that may be None; they cannot be the value of such a field.
NONE_WORDS = frozenset({"", "none", "null"})

_COLLECTIONS = (tuple, list, set, frozenset)


def from_text(text: str, annotation: object) -> object:
    """Turn ``text`` into what ``annotation`` wants, or leave it to the check of the type to refuse it.

    Enums and fixed words match by name or value in any case; collections are JSON lists or are separated by
    commas; an empty boolean is False; fields that may be None understand ``none`` and, unless they hold text,
    ``auto``.
    """
    kinds = tuple(_bare(kind) for kind in _alternatives(annotation))
    word = text.strip().lower()
    if NoneType in kinds and (word in NONE_WORDS or (word == "auto" and str not in kinds)):
        return None
    for kind in kinds:
        origin = get_origin(kind) or kind
        if origin is Literal:
            return _choose(word, ((str(choice), choice) for choice in get_args(kind)), text)
        if isinstance(origin, type) and issubclass(origin, Enum):
            members = list(origin)
            return _choose(word, [(m.name, m) for m in members] + [(str(m.value), m) for m in members], text)
        if origin in _COLLECTIONS:
            return split(text)
        if origin is bool:
            return word or False
    return text


def split(text: str) -> list[object]:
    """The items of a JSON list, or of words separated by commas."""
    if text.strip().startswith("["):
        try:
            return list(json.loads(text))
        except ValueError as error:
            raise ValueError(f"not a JSON list ({error})") from None
    return [item.strip() for item in text.split(",") if item.strip()]


def _alternatives(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _bare(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choose(word: str, choices: Iterable[tuple[str, object]], text: str) -> object:
    return next((choice for name, choice in choices if name.lower() == word), text)
