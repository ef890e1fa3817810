"""Where the value of every setting is decided.

From the weakest source to the strongest:

    default of the class · ``pyproject.toml`` · constructor, builder, decorator · ``config_filepath`` ·
    file named by ``PYNENC__FILEPATH`` · file named by ``PYNENC__<GROUP>__FILEPATH`` · environment · assignment

Inside each of them the narrower statement wins: one task over all tasks, a class's own section over that of
an ancestor, a section over a general value.

The sources are read once, on first use, in the process that has them. Child processes get a snapshot and read
nothing, so they cannot see anything else, and do not pay for the parsers.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Self, TypeVar

from pydantic import ValidationError

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_task import ConfigTask
from pynenc.conf.entries import Entry, Source, plain, winners
from pynenc.conf.environment import named_files, read_environment, warn_of_single_underscores
from pynenc.conf.files import PYPROJECT_TABLE, read_file, read_pyproject
from pynenc.conf.groups import CORE_GROUPS
from pynenc.conf.names import KnownNames, Place
from pynenc.conf.problems import explain
from pynenc.conf.project import PYPROJECT, find_pyproject
from pynenc.conf.secrets import mask
from pynenc.exceptions import ConfigError
from pynenc.module_loggers import module_logger

logger = module_logger(__name__)

Config = TypeVar("Config", bound=ConfigPynencBase)

#: Asked before an assignment counts, with the settings (which have the new value), the field and the old value.
AssignmentGuard = Callable[[ConfigPynencBase, str, object], None]

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSnapshot:
    """All that the sources said, and what was assigned since, as plain data for a child process."""

    entries: tuple[Entry, ...]


class Settings:
    """The settings of one application: reads the sources and builds each group from them."""

    def __init__(
        self,
        config_values: Mapping[str, object] | None = None,
        config_filepath: str | None = None,
        environ: Mapping[str, str] | None = None,
        working_dir: Path | None = None,
        *,
        plugin_groups: Sequence[type[ConfigPynencBase]] = (),
    ) -> None:
        """Remember the sources; they are read when the first group is built.

        ``environ`` and ``working_dir`` are those of the process when they are None. ``plugin_groups`` are the
        settings classes of installed plugins, whose sections are known then.
        """
        self._config_values = config_values
        self._config_filepath = config_filepath
        self._environ = environ
        self._working_dir = working_dir
        self._plugin_groups = tuple(plugin_groups)
        self._read: tuple[Entry, ...] | None = None
        self._assigned: dict[tuple[str, str, str], Entry] = {}
        #: Refuses an assignment by raising; the app sets it, for a component that exists cannot change its class.
        self.assignment_guard: AssignmentGuard | None = None

    @classmethod
    def from_snapshot(cls, snapshot: SettingsSnapshot) -> Self:
        """The same settings in another process, which reads no file and no environment variable for them."""
        settings = cls()
        settings._read = tuple(Entry(*entry) for entry in snapshot.entries)
        return settings

    def snapshot(self) -> SettingsSnapshot:
        """What another process needs to build the same groups."""
        entries = chain(self._entries(), self._assigned.values())
        return SettingsSnapshot(entries=tuple(entry._replace(value=plain(entry.value)) for entry in entries))

    def build(self, group: type[Config]) -> Config:
        """A new instance of ``group`` with the values that win.

        Raises:
            ConfigError: a source has an unknown name, a wrong value, or values that exclude one another.
        """
        return self._build(group, "", ())

    def build_task(self, task_id_key: str, options: Mapping[str, object] = _NOTHING) -> ConfigTask:
        """The settings of the task ``module.function``, whose decorator was given ``options``.

        Raises:
            ConfigError: as ``build``.
        """
        section, task = ConfigTask.section(), task_id_key.lower()
        decorator = [
            Entry(Source.EXPLICIT, "", section, task, option, value, "decorator")
            for option, value in options.items()
            if value is not None
        ]
        return self._build(ConfigTask, task_id_key, decorator)

    def origin(self, config: ConfigPynencBase, field: str) -> str:
        """Say where the value of a field comes from, as in ``default`` or ``env PYNENC__APP_ID``."""
        return config.origin_of(field)

    def _build(self, group: type[Config], task_key: str, extra: Sequence[Entry]) -> Config:
        candidates = (
            entry
            for entry in chain(self._entries(), extra, self._assigned.values())
            if entry.field in group.model_fields
        )
        chosen = winners(candidates, group.sections(), task_key.lower())
        origins = {field: entry.origin for field, entry in chosen.items()}
        try:
            config = group.model_validate({field: entry.value for field, entry in chosen.items()})
        except ValidationError as error:
            about = f"Settings of task {task_key}: " if task_key else ""
            raise ConfigError(about + explain(group, error, origins, group.__name__)) from None
        config.built_from(origins, task_key, self._note_assignment)
        if logger.isEnabledFor(logging.DEBUG):
            for field, entry in chosen.items():
                logger.debug("%s.%s = %r from %s", group.__name__, field, mask(field, entry.value), entry.origin)
        return config

    def _note_assignment(self, config: ConfigPynencBase, field: str, old: object) -> None:
        if self.assignment_guard is not None:
            self.assignment_guard(config, field, old)
        section, task = config.section(), config.task_key.lower()
        entry = Entry(Source.ASSIGNED, "", section, task, field, getattr(config, field), "assigned")
        self._assigned[section, task, field] = entry

    def _entries(self) -> tuple[Entry, ...]:
        if self._read is None:
            self._read = tuple(self._read_sources())
        return self._read

    def _read_sources(self) -> list[Entry]:
        environ = os.environ if self._environ is None else self._environ
        folder = Path.cwd() if self._working_dir is None else Path(self._working_dir)
        names = KnownNames((*CORE_GROUPS, *self._plugin_groups))
        entries: list[Entry] = []

        pyproject = find_pyproject(folder)
        if pyproject is not None:
            place = Place(source=Source.PYPROJECT, label=PYPROJECT, table=PYPROJECT_TABLE)
            entries.extend(names.read(read_pyproject(pyproject), place))
        if self._config_values:
            entries.extend(names.read(self._config_values, Place(source=Source.EXPLICIT, label="builder/constructor")))
        if self._config_filepath:
            place = Place(source=Source.FILE, label=str(self._config_filepath))
            entries.extend(names.read(read_file(folder / self._config_filepath, "config_filepath"), place))
        for file in named_files(environ, names):
            source = Source.ENVIRONMENT_GROUP_FILE if file.reader else Source.ENVIRONMENT_FILE
            place = Place(source=source, label=file.path, reader=file.reader)
            entries.extend(names.read(read_file(folder / file.path, file.origin), place))
        entries.extend(read_environment(environ, names))
        warn_of_single_underscores(environ, names)
        return entries


def without_signing_keys(snapshot: SettingsSnapshot, required: str | None) -> SettingsSnapshot:
    """The same without ``payload_signing_keys``; ``required``: the mode that tells whoever uses it that they miss."""
    kept = tuple(entry for entry in snapshot.entries if not entry.field.startswith("payload_signing_"))
    if required is None:
        return SettingsSnapshot(entries=kept)
    mode = Entry(Source.ASSIGNED, "", "", "", "payload_signing_mode", required, "application that was pickled")
    return SettingsSnapshot(entries=(*kept, mode))
