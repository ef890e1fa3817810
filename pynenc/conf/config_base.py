"""What every settings class is made of."""

import inspect
from collections.abc import Callable
from itertools import combinations
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pynenc.conf.problems import did_you_mean, explain
from pynenc.conf.text_values import from_text
from pynenc.exceptions import ConfigError, ConfigMultiInheritanceError

#: Called after a field was assigned, with the instance, the field and the old value; raising takes it back.
AssignmentListener = Callable[["ConfigPynencBase", str, object], None]


class ConfigPynencBase(BaseModel):
    """One group of settings: typed fields with a default and a description that names the unit.

    The class name without ``Config`` is the group's section: ``ConfigRunner`` is ``[tool.pynenc.runner]`` in
    a file and ``PYNENC__CONFIGRUNNER__…`` or ``PYNENC__RUNNER__…`` in the environment. A derived class also
    takes what its ancestors' sections say. Assigned values are checked like all others.
    """

    # defer_build: the checks of a class are compiled on its first use; without it importing them takes twice as long.
    model_config = ConfigDict(
        validate_assignment=True, extra="forbid", defer_build=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _task_key: str = PrivateAttr(default="")
    _on_assignment: AssignmentListener | None = PrivateAttr(default=None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        _refuse_rival_fields(cls)

    @classmethod
    def section(cls) -> str:
        """The name of this class's own section, in its bare form: ``clientdatastore``."""
        return cls.__name__.removeprefix("Config").lower()

    @classmethod
    def sections(cls) -> tuple[str, ...]:
        """The sections this class listens to, its own one last, for it beats those of its ancestors."""
        lineage = [parent for parent in reversed(cls.__mro__) if issubclass(parent, ConfigPynencBase)]
        return tuple(parent.section() for parent in lineage if parent is not ConfigPynencBase)

    @field_validator("*", mode="before")
    @classmethod
    def _read_text(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str) or info.field_name is None:
            return value
        return from_text(value, cls.model_fields[info.field_name].annotation)

    @model_validator(mode="after")
    def _refuse_contradiction(self) -> Self:
        problem = self.contradiction()
        if problem:
            raise ValueError(problem)
        return self

    def contradiction(self) -> str | None:
        """Say which of these values exclude one another and what to change, or None when all is well."""
        return None

    def origin_of(self, field: str) -> str:
        """Say which source gave ``field`` its value, ``default`` when none did."""
        return self._origins.get(field, "default")

    def built_from(self, origins: dict[str, str], task_key: str, on_assignment: AssignmentListener) -> None:
        """Remember where the values came from, which task they are for, and who follows assignments."""
        self._origins = origins
        self._task_key = task_key
        self._on_assignment = on_assignment

    @property
    def task_key(self) -> str:
        """The task these settings are for, ``""`` when they are not those of one task."""
        return self._task_key

    def __setattr__(self, name: str, value: object) -> None:
        if name not in type(self).model_fields:
            self._set_other(name, value)
            return
        values, given = self.__dict__.copy(), self.model_fields_set.copy()
        try:
            super().__setattr__(name, value)
            if self._on_assignment is not None:
                self._on_assignment(self, name, values[name])
        except Exception as error:
            # The checks over several fields run when the new value is in place already: take it back.
            object.__setattr__(self, "__dict__", values)
            object.__setattr__(self, "__pydantic_fields_set__", given)
            if isinstance(error, ValidationError):
                raise ConfigError(explain(type(self), error, {}, f"assigned {type(self).__name__}.{name}")) from None
            raise
        self._origins[name] = "assigned"

    def _set_other(self, name: str, value: object) -> None:
        if not name.startswith("_") and not isinstance(getattr(type(self), name, None), property):
            raise ConfigError(
                f"{type(self).__name__} has no setting {name!r}, so it cannot be assigned."
                f"{did_you_mean(name, type(self).model_fields)}"
            )
        super().__setattr__(name, value)


def _refuse_rival_fields(cls: type[ConfigPynencBase]) -> None:
    """Refuse a class two of whose ancestors declare the same field, unless one descends from the other."""
    parents = [parent for parent in cls.__mro__[1:] if issubclass(parent, ConfigPynencBase)]
    for first, second in combinations(parents, 2):
        if issubclass(first, second) or issubclass(second, first):
            continue
        rivals = (
            inspect.get_annotations(first).keys() & inspect.get_annotations(second).keys() & cls.model_fields.keys()
        )
        if rivals:
            raise ConfigMultiInheritanceError(
                f"{cls.__name__} inherits {', '.join(sorted(rivals))} from both {first.__name__} and "
                f"{second.__name__}, so their sections would contradict each other. Rename the field in one of them."
            )
