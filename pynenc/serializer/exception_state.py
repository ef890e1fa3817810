"""What an exception consists of, and how to put it together again without its constructor.

``cls(*exc.args)``, which pickle uses, fails for every class whose constructor asks for something else than what it
passes on to ``Exception``. So an exception is taken apart into what the interpreter keeps of it (the arguments of
its builtin base class, and its attributes), and that base class alone rebuilds it: no code of the class runs.
"""

import builtins
from types import MemberDescriptorType
from typing import Any

from pynenc.serializer.class_lookup import class_of, static_attribute


def exception_state(exc: BaseException) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Take ``exc`` apart: the arguments of its builtin base class, and its attributes (slots and notes included)."""
    reduced: tuple[Any, ...] = _builtin_base(type(exc)).__reduce__(exc)
    _, args, *rest = reduced  # OSError adds the file names to the arguments, ImportError the module to the rest
    attributes: dict[str, Any] = dict(rest[0] or {}) if rest else {}
    state: Any = object.__getstate__(exc)
    parts: tuple[dict[str, Any] | None, ...] = state if class_of(state) is tuple else (state,)
    for part in parts:  # attributes, then slots
        attributes.update(part or {})
    return tuple(args), attributes


def revive_exception(cls: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    """Make an exception of class ``cls`` with the given state; its own constructor is not called.

    Raises:
        TypeError: ``cls`` is no exception, or its builtin base refuses the arguments.
    """
    base = _builtin_base(cls)
    exc: BaseException = base.__new__(cls, *args)
    base.__init__(exc, *args)
    for name, value in attributes.items():
        field = static_attribute(cls, name)
        if isinstance(field, MemberDescriptorType):  # a slot, or a C field such as ImportError.name
            field.__set__(exc, value)
        else:
            exc.__dict__[name] = value  # not setattr, which a frozen dataclass refuses
    return exc


def hides_state(exc: BaseException) -> bool:
    """Whether the class has its own way to restore state: it keeps some where we do not see it."""
    return static_attribute(type(exc), "__setstate__") is not vars(BaseException)["__setstate__"]


def reduce_exception(exc: BaseException) -> str | tuple[Any, ...]:
    """Do what ``exc.__reduce_ex__`` does, but have ``revive_exception`` rebuild it where that would call the class."""
    reduced = exc.__reduce_ex__(4)
    if isinstance(reduced, tuple) and reduced[0] is type(exc) and not hides_state(exc):
        return (revive_exception, (type(exc), *exception_state(exc)))
    return reduced


def _builtin_base(cls: type[BaseException]) -> Any:
    """The class of the interpreter whose layout ``cls`` has."""
    for base in cls.__mro__:
        if issubclass(base, BaseException) and vars(builtins).get(base.__name__) is base:
            return base
    raise TypeError(f"Cannot rebuild an exception: {cls!r} is not an exception class.")
