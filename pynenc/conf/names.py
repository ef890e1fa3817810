"""The names that settings and sections may have, and the reading of a mapping with such names.

A mapping holds values (general: for every group that has the field) and sections, which hold values for one
group and its descendants. ``{"task": {"module.function": {...}}}`` holds values for one task.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_pynenc import SECONDS_PER_MINUTE, ConfigPynenc
from pynenc.conf.config_task import ConfigTask
from pynenc.conf.entries import Entry, Source
from pynenc.conf.problems import did_you_mean
from pynenc.exceptions import ConfigError
from pynenc.module_loggers import module_logger

logger = module_logger(__name__)

TASK_SECTION = ConfigTask.section()

#: Sections of our own plugins. A project may have them although the plugin is not installed in this process.
PLUGIN_SECTIONS = ("redis", "mongo", "rabbitmq", "postgres")

#: Other names of a section, by the name of the product.
SECTION_ALIASES = {"mongodb": "mongo", "postgresql": "postgres"}

#: The older spelling of ``lease_seconds``.
LEASE_IN_MINUTES = "runner_considered_dead_after_minutes"

#: Names that documents used for settings which are called otherwise.
MISNOMERS = {"arg_client_data_store_cls": "client_data_store_cls"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the sources a value stands."""

    source: Source
    #: The source as a person calls it: a file name, a variable.
    label: str
    #: The table of a file in which the settings start, as in ``tool.pynenc``; "" = the whole file.
    table: str = ""
    #: The section whose groups alone take the values; "" = all groups.
    reader: str = ""
    section: str = ""
    task: str = ""
    #: Section and task as their author wrote them.
    path: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """The place as it is shown: ``pyproject.toml [tool.pynenc.runner]``."""
        inside = ".".join((self.table, *self.path) if self.table else self.path)
        return f"{self.label} [{inside}]" if inside else self.label


class KnownNames:
    """The fields and sections of a set of groups."""

    def __init__(self, groups: Iterable[type[ConfigPynencBase]]) -> None:
        older = {LEASE_IN_MINUTES, *MISNOMERS}
        self._sections: dict[str, set[str]] = {ConfigPynenc.section(): set(older)}
        for group in groups:
            for section in group.sections():
                # A section may also hold what only a descendant of its group has: [tool.pynenc.runner] max_threads.
                self._sections.setdefault(section, set()).update(group.model_fields)
        self._fields = set[str]().union(*self._sections.values())

    def read(self, values: Mapping[str, object], place: Place) -> Iterator[Entry]:
        """Turn a mapping into entries.

        Raises:
            ConfigError: a section or a setting has an unknown name.
        """
        for name, value in values.items():
            if isinstance(value, Mapping):
                section = replace(place, section=self.section(name, place), path=(name,))
                yield from self._read_section(cast("Mapping[str, object]", value), section)
            elif value is None and self.is_section(name):
                continue  # YAML: a section with nothing in it
            else:
                yield self.entry(name, value, place)

    def _read_section(self, values: Mapping[str, object], place: Place) -> Iterator[Entry]:
        for name, value in values.items():
            if not isinstance(value, Mapping):
                yield self.entry(name, value, place)
                continue
            if place.section != TASK_SECTION:
                raise ConfigError(f"{place.origin}: {name!r} is a section inside a section. Only tasks have those.")
            # TOML: a dotted name without quotes is a table inside a table for each part.
            task = f"{place.task}.{name}" if place.task else name
            inner = replace(place, task=task, path=(place.path[0], f'"{task}"'))
            yield from self._read_section(cast("Mapping[str, object]", value), inner)

    def entry(self, name: str, value: object, place: Place) -> Entry:
        """Make the entry of one value, under the present name of its setting.

        Raises:
            ConfigError: there is no such setting in that place.
        """
        field = _normal_field(name)
        if place.section:
            self._check_in_section(field, name, place)
        else:
            self._check_general(field, name, place)
        if field in MISNOMERS:
            warnings.warn(f"{place.origin}: {field} is called {MISNOMERS[field]}.", UserWarning, stacklevel=2)
            field = MISNOMERS[field]
        elif field == LEASE_IN_MINUTES:
            field, value = "lease_seconds", _seconds(value, place)
        return Entry(place.source, place.reader, place.section, place.task.lower(), field, value, place.origin)

    def section(self, name: str, place: Place) -> str:
        """Give the bare name of the section called ``name`` in any spelling.

        Raises:
            ConfigError: there is none, and it is not one of a plugin of ours.
        """
        section = _normal_section(name)
        if section in self._sections or section.endswith(PLUGIN_SECTIONS):
            return section
        raise ConfigError(f"{place.origin}: there is no section {name!r}.{did_you_mean(section, self._sections)}")

    def is_section(self, name: str) -> bool:
        """Say whether some group has a section of that name."""
        return _normal_section(name) in self._sections

    def is_field(self, name: str) -> bool:
        """Say whether some group has a setting of that name, or one of our plugins may have it."""
        field = _normal_field(name)
        return field in self._fields or field.startswith(tuple(f"{plugin}_" for plugin in PLUGIN_SECTIONS))

    def _check_general(self, field: str, name: str, place: Place) -> None:
        if field in self._fields:
            return
        if self.is_field(name):
            _leave_to_plugin(field, place)
        elif self.is_section(name):
            raise ConfigError(f"{place.origin}: {name!r} is a section, so it takes settings, not a value.")
        else:
            raise ConfigError(f"{place.origin}: there is no setting {name!r}.{did_you_mean(field, self._fields)}")

    def _check_in_section(self, field: str, name: str, place: Place) -> None:
        known = self._sections.get(place.section)
        if known is None:
            _leave_to_plugin(f"{place.section}.{field}", place)
        elif field not in known:
            homes = sorted(section for section, fields in self._sections.items() if field in fields)
            hint = f" It belongs to the section {homes[0]!r}." if homes else did_you_mean(field, known)
            raise ConfigError(f"{place.origin}: the section {place.section!r} has no setting {name!r}.{hint}")


def _leave_to_plugin(name: str, place: Place) -> None:
    logger.debug("%s: %s belongs to a plugin that is not installed here, so nobody reads it", place.origin, name)


def _seconds(minutes: object, place: Place) -> float:
    try:
        return float(cast("str | float", minutes)) * SECONDS_PER_MINUTE
    except (TypeError, ValueError):
        raise ConfigError(
            f"{place.origin}: {LEASE_IN_MINUTES} cannot be {minutes!r}: it is a number of minutes. Correct it."
        ) from None


def _normal_field(name: str) -> str:
    return str(name).lower().replace("-", "_")


def _normal_section(name: str) -> str:
    bare = str(name).lower().replace("_", "").replace("-", "")
    bare = bare.removeprefix("config") or bare
    return SECTION_ALIASES.get(bare, bare)
