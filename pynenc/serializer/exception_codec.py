"""How the exception that ended an invocation travels: always something comes out that can be raised.

A record keeps what listings show (type, message) in the clear and the exception's state as one serialized value.
It is read in steps, each of which may fail: the class itself with its state, the class with its message, the nearest
base class that is known here, ``RuntimeError``. The type's name and the message survive in each.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from pynenc.serializer.base_serializer import BaseSerializer
from pynenc.serializer.class_lookup import find_importable, find_imported
from pynenc.serializer.exception_state import exception_state, hides_state, revive_exception
from pynenc.serializer.plain_json import read_json, write_json

#: Longer messages are cut: a message is read by people.
MAX_MESSAGE_CHARACTERS: Final = 65_536
#: Larger states are left out: an exception explains, it does not carry data.
MAX_PAYLOAD_CHARACTERS: Final = 1_048_576
#: More notes or causes than this come from a loop and explain nothing.
MAX_NOTES: Final = 50
MAX_CAUSES: Final = 10

_EXITS: Final = {
    ("builtins", "SystemExit"),
    ("builtins", "KeyboardInterrupt"),
    ("asyncio.exceptions", "CancelledError"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRecord:
    """An exception as it is stored."""

    type_module: str
    type_qualname: str
    message: str
    #: Its serialized state; None where that cannot be had.
    payload: str | None = None
    notes: tuple[str, ...] = ()
    #: What caused it, the nearest first: ``Class: message``.
    causes: tuple[str, ...] = ()
    #: ``module:qualname`` of its base classes, the nearest first, up to but not including ``Exception``.
    bases: tuple[str, ...] = ()


def describe_exception(exc: BaseException, serializer: BaseSerializer) -> ExceptionRecord:
    """Put down all that can be kept of ``exc``; never raises because of what the exception is or holds."""
    cls = type(exc)
    return ExceptionRecord(
        type_module=str(cls.__module__),
        type_qualname=cls.__qualname__,
        message=_text_of(exc),
        payload=_payload(exc, serializer),
        notes=tuple(map(_text_of, _notes(exc))),
        causes=tuple(f"{type(cause).__qualname__}: {_text_of(cause)}" for cause in _causes(exc)),
        bases=tuple(
            f"{base.__module__}:{base.__qualname__}"
            for base in cls.__mro__[1:]
            if issubclass(base, BaseException) and base not in {Exception, BaseException}
        ),
    )


def rebuild_exception(record: ExceptionRecord, serializer: BaseSerializer, *, trusted: bool) -> BaseException:
    """Make an exception to raise in place of the recorded one: of its class if that is known here.

    With ``trusted`` its module may be imported; without, only an ``Exception`` class of a module that is
    imported already will do. Never raises because of what is recorded.
    """
    exc = next(_candidates(record, serializer, trusted=trusted))
    notes = list(record.notes)
    if record.message not in str(exc):
        notes.append(f"Its message, where it was raised: {record.message}")
    if record.causes:
        notes.append(f"Caused, where it was raised, by {', which was caused by '.join(record.causes)}")
    if notes:
        exc.__dict__["__notes__"] = notes  # not add_note, which a frozen dataclass refuses
    return exc


def dump_exception(exc: BaseException, serializer: BaseSerializer) -> str:
    """Describe ``exc`` as text; never raises because of what the exception is or holds."""
    return write_json(asdict(describe_exception(exc, serializer)))


def load_exception(text: str, serializer: BaseSerializer) -> BaseException:
    """Rebuild the exception in text made by ``dump_exception``; something to raise, whatever the text is."""
    try:
        record = _read_record(text)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return RuntimeError(f"An exception was recorded in a form that cannot be read here: {error!r}")
    return rebuild_exception(record, serializer, trusted=serializer.trusted)


def exit_of(text: str, serializer: BaseSerializer) -> BaseException | None:
    """What is recorded, if it is one of Python's own ends that are no ``Exception``.

    ``load_exception`` does not rebuild them from what is not trusted: elsewhere they would end who reads of them.
    """
    try:
        record = _read_record(text)
        if (record.type_module, record.type_qualname) not in _EXITS:
            return None
        cls = find_imported(record.type_module, record.type_qualname)
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            return None
        parts = serializer.deserialize(record.payload or "")
        return cls(*(parts["exception"].args if "exception" in parts else parts["args"]))
    except Exception:  # noqa: BLE001 - stored bytes, and a foreign serializer
        return None


def _read_record(text: str) -> ExceptionRecord:
    fields = read_json(text)
    return ExceptionRecord(
        type_module=str(fields["type_module"]),
        type_qualname=str(fields["type_qualname"]),
        message=str(fields["message"]),
        payload=fields.get("payload"),
        notes=tuple(map(str, fields.get("notes", ()))),
        causes=tuple(map(str, fields.get("causes", ()))),
        bases=tuple(map(str, fields.get("bases", ()))),
    )


# -- describing


def _payload(exc: BaseException, serializer: BaseSerializer) -> str | None:
    """State of the exception as text; what cannot be serialized in it becomes the text it prints as."""
    try:
        args, attributes = exception_state(exc)
        text = None
        if serializer.trusted and not _is_revived(exc, args, attributes):
            text = _serialized({"exception": exc}, serializer)
        attributes.pop("__notes__", None)  # recorded on their own
        text = text or _serialized({"args": list(args), "state": attributes}, serializer)
        if text is None:
            portable = [_portable(arg, serializer) for arg in args]
            attributes = {name: _portable(value, serializer) for name, value in attributes.items()}
            text = _serialized({"args": portable, "state": attributes}, serializer)
    except Exception:  # noqa: BLE001 - user code: the attributes of a foreign class, and their text
        return None
    return text if text is None or len(text) <= MAX_PAYLOAD_CHARACTERS else None


def _is_revived(exc: BaseException, args: tuple[Any, ...], attributes: dict[str, Any]) -> bool:
    """Whether arguments and attributes are all there is to it: not so for classes that are written in C or Rust."""
    try:
        return not hides_state(exc) and str(revive_exception(type(exc), args, attributes)) == str(exc)
    except Exception:  # noqa: BLE001 - user code: __str__
        return False


def _serialized(value: object, serializer: BaseSerializer) -> str | None:
    try:
        return serializer.serialize(value)
    except Exception:  # noqa: BLE001 - user code: any serializer, any value
        return None


def _portable(value: object, serializer: BaseSerializer) -> object:
    return value if _serialized(value, serializer) is not None else _text_of(value)


def _text_of(value: object) -> str:
    try:
        return str(value)[:MAX_MESSAGE_CHARACTERS]
    except Exception as error:  # noqa: BLE001 - user code: __str__
        return f"<its text cannot be shown: str() raised {type(error).__name__}>"


def _notes(exc: BaseException) -> list[object]:
    notes = exc.__dict__.get("__notes__")
    return cast("list[object]", notes)[:MAX_NOTES] if isinstance(notes, list) else []


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Follow the chain that a traceback would show, the nearest first."""
    seen = {id(exc)}
    for _ in range(MAX_CAUSES):
        cause = exc.__cause__
        if cause is None and not exc.__suppress_context__:
            cause = exc.__context__
        if cause is None or id(cause) in seen:
            return
        seen.add(id(cause))
        yield cause
        exc = cause


# -- rebuilding


def _candidates(record: ExceptionRecord, serializer: BaseSerializer, *, trusted: bool) -> Iterator[BaseException]:
    """Make exceptions that may stand for the recorded one, the best first."""
    own = f"{record.type_module}:{record.type_qualname}"
    described = f"{record.type_qualname}: {record.message}"
    attempts: list[Callable[[], BaseException]] = [
        lambda: _with_state(own, record.payload, serializer, trusted=trusted),
        lambda: revive_exception(_find_class(own, trusted=trusted), (record.message,), {}),
        *(
            lambda base=base: revive_exception(_find_class(base, trusted=trusted), (described,), {})
            for base in record.bases
        ),
    ]
    for attempt in attempts:
        try:
            exc = attempt()
            str(exc)  # a class may print attributes that did not survive
        except (Exception, SystemExit):  # noqa: BLE001, S112 - user code and stored bytes: then the next candidate
            continue
        yield exc
    yield RuntimeError(described)


def _with_state(name: str, payload: str | None, serializer: BaseSerializer, *, trusted: bool) -> BaseException:
    cls = _find_class(name, trusted=trusted)
    parts = serializer.deserialize(payload or "")
    if trusted and "exception" in parts:
        exc: BaseException = parts["exception"]
        if type(exc) is not cls:
            raise TypeError(f"{name} came back as {type(exc)}")
        return exc
    return revive_exception(cls, tuple(parts["args"]), parts["state"])


def _find_class(name: str, *, trusted: bool) -> type[BaseException]:
    module, _, qualname = name.partition(":")
    cls = find_importable(module, qualname) if trusted else find_imported(module, qualname)
    if not (isinstance(cls, type) and issubclass(cls, BaseException if trusted else Exception)):
        raise TypeError(f"{name} is not an exception class here")
    return cls
