"""What we write in the format of jsonpickle, and what we refuse to write.

jsonpickle walks the graph and numbers its references. Left alone it also drops what it cannot represent (lambdas,
keys that look like its tags), replaces files by ``None`` and generators by their items. So the one question "how is
this object rebuilt?" is asked here the way pickle asks it, and what pickle refuses is refused. jsonpickle itself can
read the text.
"""

import copyreg
import datetime as dt
import functools
import pickle
import sys
import uuid
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from pynenc.serializer.class_lookup import class_of, implements_json, static_attribute
from pynenc.serializer.exception_state import reduce_exception
from pynenc.serializer.refusal import refusal

#: The tags of jsonpickle that are written here (``jsonpickle.tags`` has them all, at the price of its import).
TAG_START: Final = "py/"
OBJECT: Final = "py/object"
REDUCE: Final = "py/reduce"
NEW_OBJECT: Final = "py/newobj"
TUPLE: Final = "py/tuple"
SET: Final = "py/set"
TYPE: Final = "py/type"
FUNCTION: Final = "py/function"
BYTES: Final = "py/b64"

#: Longer integers are written in base 16: Python limits the length of decimal text (4,300 digits by default, and the
#: limit may be lowered to 640), for reading it takes quadratic time.
MAX_DECIMAL_BITS: Final = 2_000

_SCALARS: Final = frozenset({type(None), bool, int, float, str})
_TIMES: Final = (dt.datetime, dt.date, dt.time)
_ADVICE: Final = "Pass the data it stands for: a list, a path, an id."
_ADVICE_LOCAL: Final = "Define it at the top level of a module, where a worker can import it."

Flattener = Callable[[Any], Any]


class FaithfulEncoding:
    """Overrides for ``jsonpickle.pickler.Pickler``: a value comes back as it was, or is refused."""

    # What is used of the Pickler.
    _flatten_impl: Flattener
    _flatten_obj_instance: Flattener
    _list_recurse: Flattener
    _mkref: Callable[[Any], bool]
    _getref: Flattener
    _objs: dict[int, int]
    _seen: list[Any]

    # Set by the class that joins the two.
    handler_of: Callable[[type], Any]
    under_construction: set[int]

    def _flatten(self, obj: Any) -> Any:
        if type(obj) is int and obj.bit_length() > MAX_DECIMAL_BITS:
            self._seen.append(obj)
            return self._ref_obj_instance(obj)
        return self._flatten_impl(obj)

    def _get_flattener(self, obj: Any) -> Flattener:
        """How to write an object that is neither a scalar nor bytes."""
        kind = class_of(obj)
        if kind is tuple:
            return lambda members: {TUPLE: self._list_recurse(members)}
        if kind is set:
            return lambda members: {SET: self._list_recurse(_in_order(members))}
        if kind is list or kind is dict:
            if not self._mkref(obj):
                return self._getref
            return self._list_recurse if kind is list else self._flatten_dict_obj
        if isinstance(obj, type | FunctionType | BuiltinFunctionType | MethodType) and _is_global(obj):
            return _flatten_global
        return self._ref_obj_instance

    def _flatten_dict_obj(self, obj: dict[Any, Any], data: Any = None, exclude: Any = ()) -> dict[str, Any]:
        """A JSON object where the keys allow it, else pairs: other keys than strings, keys that look like tags."""
        del data, exclude  # asked for by other methods of the Pickler, which are not used
        if _are_names(obj):
            return {key: self._flatten(value) for key, value in obj.items()}
        return self._flatten_rebuilt(obj, {TYPE: "builtins.dict"}, (), pairs=obj.items())

    def _ref_obj_instance(self, obj: Any) -> Any:
        if id(obj) in self.under_construction:
            raise refusal(obj, "it is contained in the arguments from which it is made", _ADVICE)
        if id(obj) in self._objs:
            return self._getref(obj)
        cls = class_of(obj)
        handler = self.handler_of(cls)
        # The handlers that jsonpickle registers itself lose data: the flags of a pattern, the items of a queue.
        if handler is not None and handler.__module__ != "jsonpickle.handlers":
            self._mkref(obj)
            return self._flatten_obj_instance(obj)
        reduced = _reduce(obj)
        if isinstance(reduced, str):  # a constant of a module
            return {TYPE: _global_name(obj, reduced)}
        self._mkref(obj)
        return self._flatten_reduced(obj, *reduced)

    def _flatten_reduced(  # noqa: PLR0917 - the tuple that __reduce__ returns
        self,
        obj: Any,
        factory: Any,
        args: tuple[Any, ...],
        state: Any = None,
        members: Iterable[Any] | None = None,
        pairs: Iterable[Any] | None = None,
        set_state: Any = None,
    ) -> dict[str, Any]:
        if set_state is not None:
            raise refusal(obj, "its __reduce__ leaves the state to a function", _ADVICE)
        cls = class_of(obj)
        if factory is not copyreg.__newobj__:  # type: ignore[attr-defined]
            made_by = self._flatten(factory)
        elif args == (cls,) and members is None and pairs is None and _is_attributes_only(cls, state):
            attributes: dict[str, Any] = state or {}
            return {OBJECT: _global_name(cls), **{name: self._flatten(value) for name, value in attributes.items()}}
        else:
            made_by = NEW_OBJECT
        return self._flatten_rebuilt(obj, made_by, args, state, members, pairs)

    def _flatten_rebuilt(  # noqa: PLR0917 - as above
        self,
        obj: Any,
        made_by: Any,
        args: tuple[Any, ...],
        state: Any = None,
        members: Iterable[Any] | None = None,
        pairs: Iterable[Any] | None = None,
    ) -> dict[str, Any]:
        """``made_by(*args)``, then its state, its members, its pairs of key and value.

        Reading follows the same order, and knows the object from its arguments on: so it may be referred to in all
        that comes after them.
        """
        self.under_construction.add(id(obj))
        parts = [made_by, self._flatten(tuple(args))]
        self.under_construction.discard(id(obj))
        parts += [
            self._flatten(state),
            None if members is None else self._flatten(tuple(members)),
            None if pairs is None else self._flatten(tuple(pairs)),
        ]
        while parts[-1] is None:
            parts.pop()
        return {REDUCE: parts}

    def _pickle_warning(self, obj: Any) -> None:
        """Where jsonpickle would write ``None`` and go on."""
        raise refusal(obj, "jsonpickle has no form for it", _ADVICE)


def _reduce(obj: Any) -> Any:
    """How pickle would rebuild ``obj``, in a more readable or more robust way for some classes."""
    cls = class_of(obj)
    if implements_json(cls):
        return (cls.from_json, (obj.to_json(),))
    if cls in _TIMES and _is_iso(obj):
        return (cls.fromisoformat, (obj.isoformat(),))
    if cls is uuid.UUID and obj.is_safe is uuid.SafeUUID.unknown:
        return (uuid.UUID, (str(obj),))
    if cls is int:
        return (int, (hex(obj), 16))
    if cls is frozenset:
        return (frozenset, (_in_order(obj),))
    try:
        if isinstance(obj, BaseException):
            return reduce_exception(obj)
        registered = copyreg.dispatch_table.get(cls)
        return registered(obj) if registered else obj.__reduce_ex__(4)
    except (TypeError, pickle.PicklingError) as error:
        raise refusal(obj, str(error), _ADVICE) from error


def _is_iso(time: Any) -> bool:
    """Whether the text of a date or time says all: not for named time zones and repeated hours."""
    zone = getattr(time, "tzinfo", None)  # a date has none
    return (zone is None or zone is dt.UTC) and not getattr(time, "fold", 0)


def _is_attributes_only(cls: type, state: Any) -> bool:
    plain = state is None or (class_of(state) is dict and _are_names(state))
    return plain and static_attribute(cls, "__setstate__") is None


def _are_names(keys: Iterable[Any]) -> bool:
    return all(type(key) is str and not key.startswith(TAG_START) for key in keys)


def _in_order(members: Iterable[Any]) -> list[Any]:
    """Scalars sorted, so that equal sets have equal text, whatever the hash seeds of the processes."""
    ordered = list(members)
    return sorted(ordered, key=repr) if _SCALARS.issuperset(map(type, ordered)) else ordered


def _is_global(obj: Any) -> bool:
    """Whether it is a class, a function of a module, or a class method: bound methods of objects are not."""
    return isinstance(getattr(obj, "__self__", None), type | ModuleType | None)


def _flatten_global(obj: Any) -> dict[str, str]:
    """A class or function, by name."""
    if isinstance(obj, type):
        return {TYPE: _global_name(obj)}
    owner = getattr(obj, "__self__", None)
    if isinstance(owner, type):  # a class method: of this class, wherever it was defined
        return {FUNCTION: f"{_global_name(owner)}.{obj.__name__}"}
    return {FUNCTION: _global_name(obj)}


def _global_name(obj: Any, qualname: str | None = None) -> str:
    """``module.qualname`` under which ``obj`` is found again."""
    if obj is type(None):
        return "builtins.NoneType"
    name: str = qualname or obj.__qualname__
    module: str = getattr(obj, "__module__", None) or type(obj).__module__
    try:
        found = functools.reduce(getattr, name.split("."), sys.modules[module])
    except (AttributeError, KeyError):
        found = None
    if found is not obj:
        raise refusal(obj, f"it is not found as {name} in the module {module}", _ADVICE_LOCAL)
    return f"{module}.{name}"
