"""Envelopes: how JSON holds what is not JSON, and why reading it is safe.

An envelope is an object with exactly one key, a reserved one. A user's dictionary that holds a reserved key is put
in an envelope of its own, so it is never mistaken for one. What an envelope names is looked up without importing,
and used only if it is what the envelope says it is: an exception class, an enumeration, a ``JsonSerializable``.
"""

import builtins
import contextlib
from enum import Enum, EnumMeta
from typing import Any, Final

from pynenc.serializer.class_lookup import class_of, find_importable, find_imported, implements_json
from pynenc.serializer.constants import ReservedKeys
from pynenc.serializer.exception_state import exception_state
from pynenc.serializer.plain_json import write_json
from pynenc.serializer.refusal import refusal

_RESERVED: Final = frozenset(ReservedKeys)
_SCALARS: Final = (str, int, float, bool, type(None))
_ADVICE: Final = (
    "Give the class to_json() and from_json() (pynenc.serializer.JsonSerializable), "
    "or choose JsonPickleSerializer for this application."
)


def to_envelopes(value: Any) -> Any:
    """``value`` in JSON types, with an envelope around whatever JSON has no form for.

    Raises:
        TypeError: something in it has no form here.
    """
    cls = class_of(value)
    if cls in _SCALARS:
        return value
    if isinstance(value, Enum):
        return _envelope(ReservedKeys.ENUM, cls, value=to_envelopes(value.value))
    if isinstance(value, BaseException):
        return _exception_envelope(value)
    if implements_json(cls):
        return _envelope(ReservedKeys.JSON_SERIALIZABLE, cls, data=to_envelopes(value.to_json()))
    if issubclass(cls, dict):
        return _object(value)
    if issubclass(cls, list | tuple):
        return list(map(to_envelopes, value))
    if issubclass(cls, _SCALARS):  # subclasses of str, int, float: JSON keeps the value
        return value
    raise refusal(value, "it is not a JSON value, and its class is no JsonSerializable", _ADVICE)


def _envelope(key: ReservedKeys, cls: type, **content: Any) -> dict[str, Any]:
    return {key.value: {"module": cls.__module__, "qualname": cls.__qualname__, **content}}


def _exception_envelope(exc: BaseException) -> dict[str, Any]:
    cls = type(exc)
    content = {"args": to_envelopes(exception_state(exc)[0]), "message": str(exc)}
    if vars(builtins).get(cls.__name__) is cls:
        return {ReservedKeys.ERROR.value: {"type": cls.__name__, **content}}
    return _envelope(ReservedKeys.CLIENT_EXCEPTION, cls, **content)


def _object(value: dict[Any, Any]) -> dict[str, Any]:
    data = {_key(key): to_envelopes(member) for key, member in value.items()}
    if len(data) < len(value):
        raise refusal(value, "two of its keys are the same string in JSON", _ADVICE)
    return data if _RESERVED.isdisjoint(data) else {ReservedKeys.ESCAPED.value: data}


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str(key)
    if isinstance(key, _SCALARS):
        return write_json(key)
    raise refusal(key, "it is the key of a dictionary, and keys in JSON are strings", _ADVICE)


class EnvelopeReader:
    """Opens envelopes: imports only the modules it is given, and calls only what such an envelope may name."""

    def __init__(self, importable_modules: tuple[str, ...] = ()) -> None:
        self._importable_modules = importable_modules
        self._openers = {
            ReservedKeys.ERROR.value: self._open_builtin_exception,
            ReservedKeys.CLIENT_EXCEPTION.value: self._open_client_exception,
            ReservedKeys.JSON_SERIALIZABLE.value: self._open_json_serializable,
            ReservedKeys.ENUM.value: self._open_enum,
        }

    def restore(self, value: Any) -> Any:
        """``value`` with all its envelopes opened.

        Raises:
            ValueError: an envelope is damaged, or names something that is not what it should be.
        """
        kind = class_of(value)
        if kind is list:
            return list(map(self.restore, value))
        if kind is not dict:
            return value
        if len(value) == 1:
            [(key, content)] = value.items()
            if key in self._openers:
                return self._openers[key](_checked(content, key))
            if key == ReservedKeys.ESCAPED.value:
                value = _checked(content, key)
        return {key: self.restore(member) for key, member in value.items()}

    def _open_builtin_exception(self, content: dict[str, Any]) -> BaseException:
        name = content.get("type")
        cls = vars(builtins).get(name) if isinstance(name, str) else None
        return self._exception(cls, BaseException, name, content)

    def _open_client_exception(self, content: dict[str, Any]) -> BaseException:
        return self._exception(self._find(content), Exception, content.get("qualname"), content)

    def _exception(self, cls: Any, kind: type, name: object, content: dict[str, Any]) -> BaseException:
        """The exception, or a ``RuntimeError`` that tells its name: always something that can be raised."""
        if isinstance(cls, type) and issubclass(cls, kind):
            try:
                exc = cls(*self.restore(content.get("args", [])))
            except Exception:  # noqa: BLE001 - user code: a constructor that asks for something else
                exc = None
            if isinstance(exc, BaseException):
                return exc
        return RuntimeError(f"{name}: {content.get('message', '')}")

    def _open_json_serializable(self, content: dict[str, Any]) -> Any:
        cls: Any = self._find(content)
        if not (isinstance(cls, type) and implements_json(cls)):
            raise self._unknown(content, "a class that implements to_json and from_json")
        return cls.from_json(self.restore(content.get("data")))  # type: ignore[attr-defined]

    def _open_enum(self, content: dict[str, Any]) -> Any:
        cls: Any = self._find(content)
        if not isinstance(cls, EnumMeta):
            raise self._unknown(content, "an enumeration")
        value = self.restore(content.get("value"))
        try:
            return cls(value)
        except ValueError:
            if class_of(value) is not list:
                raise
            return cls(_with_tuples(value))

    def _find(self, content: dict[str, Any]) -> object | None:
        module, qualname = content.get("module"), content.get("qualname")
        if not (isinstance(module, str) and isinstance(qualname, str)):
            return None
        if any(module == allowed or module.startswith(f"{allowed}.") for allowed in self._importable_modules):
            with contextlib.suppress(ImportError):
                return find_importable(module, qualname)
        return find_imported(module, qualname)

    def _unknown(self, content: dict[str, Any], expected: str) -> ValueError:
        module, qualname = content.get("module"), content.get("qualname")
        return ValueError(
            f"Cannot decode {module}.{qualname}: no module imported in this process has {expected} of that name. "
            "Import the module where the tasks are defined, or name it in JsonSerializer.importable_modules."
        )


def _checked(content: Any, key: str) -> dict[str, Any]:
    if class_of(content) is not dict:
        raise ValueError(f"Cannot decode an envelope {key}: it holds {type(content).__name__}, not an object.")
    checked: dict[str, Any] = content
    return checked


def _with_tuples(value: Any) -> Any:
    """Lists as tuples: JSON made lists of the tuples that members of an enumeration may have as values."""
    return tuple(map(_with_tuples, value)) if class_of(value) is list else value
