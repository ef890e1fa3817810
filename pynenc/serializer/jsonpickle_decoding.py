"""How the format of jsonpickle is read: as jsonpickle does, but nothing that fails is passed over in silence.

Left alone it makes an empty tuple of one whose members cannot be rebuilt, a dictionary of an object whose class is
missing, and empty bytes of damaged ones.
"""

import base64
import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from pynenc.serializer.class_lookup import class_of
from pynenc.serializer.jsonpickle_encoding import (
    BYTES,
    FUNCTION,
    NEW_OBJECT,
    OBJECT,
    REDUCE,
    SET,
    TAG_START,
    TUPLE,
    TYPE,
)

#: The parts of a rebuilt object: what makes it, arguments, state, members, pairs of key and value.
_PARTS: Final = 5


class _UnderConstruction:
    """Holds the number of an object whose arguments are being read."""


class FaithfulDecoding:
    """Overrides for ``jsonpickle.unpickler.Unpickler``: the reverse of ``FaithfulEncoding``, and as strict."""

    # What is used of the Unpickler.
    _restore: Callable[[Any], Any]
    _mkref: Callable[[Any], Any]
    _swapref: Callable[[Any, Any], None]
    _objs: list[Any]

    # Set by the class that joins the two.
    load_class: Callable[[str], Any]

    def _restore_tuple(self, obj: dict[str, Any]) -> tuple[Any, ...]:
        return tuple([self._restore(member) for member in obj[TUPLE]])

    def _restore_set(self, obj: dict[str, Any]) -> set[Any]:
        return {self._restore(member) for member in obj[SET]}

    def _restore_base64(self, obj: dict[str, Any]) -> bytes:
        return base64.b64decode(obj[BYTES], validate=True)

    def _restore_type(self, obj: dict[str, Any]) -> Any:
        return self._load(obj[TYPE])

    def _restore_function(self, obj: dict[str, Any]) -> Any:
        return self._load(obj[FUNCTION])

    def _process_missing(self, class_name: str) -> None:
        raise _missing(class_name)

    def _restore_id(self, obj: dict[str, Any]) -> Any:
        found = self._objs[obj["py/id"]]
        if isinstance(found, _UnderConstruction):
            raise TypeError("Cannot decode an object that is contained in the arguments from which it is made.")
        return found

    def _restore_reduce(self, obj: dict[str, Any]) -> Any:
        """Make the object, then give it its state, members and pairs: they may refer to it."""
        parts: list[Any] = obj[REDUCE]
        made_by, args, state, members, pairs = parts + [None] * (_PARTS - len(parts))
        placeholder = _UnderConstruction()
        self._mkref(placeholder)
        factory = made_by if made_by == NEW_OBJECT else self._restore(made_by)
        arguments = self._restore(args)
        instance = arguments[0].__new__(*arguments) if factory == NEW_OBJECT else factory(*arguments)
        self._swapref(placeholder, instance)
        if state is not None:
            _set_state(instance, self._restore(state))
        if members is not None:
            _add_members(instance, self._restore(members))
        if pairs is not None:
            for key, value in self._restore(pairs):
                instance[key] = value
        return instance

    def _restore_object_instance(self, obj: dict[str, Any], cls: Any, class_name: str = "") -> Any:
        """An object that is nothing but its attributes; the forms that only jsonpickle writes are left to it."""
        attributes = {name: value for name, value in obj.items() if name != OBJECT}
        if issubclass(cls, dict) or any(name.startswith(TAG_START) for name in attributes):
            return super()._restore_object_instance(obj, cls, class_name)  # type: ignore[misc]
        instance = cls.__new__(cls)
        self._mkref(instance)
        if attributes:
            instance.__dict__.update({name: self._restore(value) for name, value in attributes.items()})
        return instance

    def _load(self, name: str) -> Any:
        """The class, function or constant called ``name``: from an imported module, or by importing it."""
        parts = name.split(".")
        for length in range(len(parts) - 1, 0, -1):
            module = sys.modules.get(".".join(parts[:length]))
            if module is not None:
                try:
                    return functools.reduce(getattr, parts[length:], module)
                except AttributeError:
                    break
        found = self.load_class(name)
        if found is None:
            raise _missing(name)
        return found


def _set_state(instance: Any, state: Any) -> None:
    """What pickle does with the third part of ``__reduce__``."""
    set_state = getattr(instance, "__setstate__", None)
    if set_state is not None:
        set_state(state)
        return
    parts: tuple[Any, dict[str, Any]] = state if class_of(state) is tuple else (state, {})
    attributes, slots = parts
    if attributes:
        instance.__dict__.update(attributes)
    for name in slots:
        setattr(instance, name, slots[name])


def _add_members(instance: Any, members: tuple[Any, ...]) -> None:
    extend = getattr(instance, "extend", None)
    if extend is not None:
        extend(members)
        return
    for member in members:
        instance.append(member)


def _missing(name: str) -> ValueError:
    return ValueError(
        f"Cannot decode a value: {name} cannot be imported in this process. "
        "Install the same version of the application's code here and where the value was made."
    )
