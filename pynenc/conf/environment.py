"""Reading settings from environment variables.

    PYNENC__FIELD                                  every group that has the field
    PYNENC__CONFIGRUNNER__FIELD, PYNENC__RUNNER__FIELD           one group and its descendants
    PYNENC__CONFIGTASK__MODULE#FUNCTION__FIELD     one task
    PYNENC__FILEPATH, PYNENC__CONFIGRUNNER__FILEPATH             a file, for all groups or for one

Names count in any case. Variables are looked at, and not looked up, so that a misspelt one is an error with a
suggestion and the origin of a value is the name its author wrote.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from pynenc.conf.entries import Entry, Source
from pynenc.conf.names import TASK_SECTION, KnownNames, Place

PREFIX = "PYNENC__"
#: What a variable with a single underscore starts with; none of ours does but those of the command line.
NEAR_PREFIX = "PYNENC_"
FILE_KEY = "FILEPATH"
TASK_SEPARATOR = "#"

#: Variables of the command line, which are no settings although a setting may be called the same.
COMMAND_LINE_VARIABLES = frozenset({"PYNENC_APP", "PYNENC_SERVER"})


class NamedFile(NamedTuple):
    """A file that a variable names."""

    path: str
    #: The section of the group it is for; "" = all groups.
    reader: str
    origin: str


def read_environment(environ: Mapping[str, str], names: KnownNames) -> Iterator[Entry]:
    """The settings in ``environ``.

    Raises:
        ConfigError: a variable names a section or a setting that does not exist.
    """
    for variable, head, tail in _settings(environ):
        if FILE_KEY in (head, tail):
            continue
        place = Place(source=Source.ENVIRONMENT, label=f"env {variable}")
        if not tail:
            yield names.entry(head, environ[variable], place)
            continue
        section, task, field = names.section(head, place), "", tail
        if section == TASK_SECTION and TASK_SEPARATOR in tail:
            task, _, field = tail.rpartition("__")
        task = task.replace(TASK_SEPARATOR, ".")
        yield names.entry(field, environ[variable], replace(place, section=section, task=task))


def named_files(environ: Mapping[str, str], names: KnownNames) -> Iterator[NamedFile]:
    """The settings files that variables name; an empty variable names none."""
    for variable, head, tail in _settings(environ):
        path, place = environ[variable], Place(source=Source.ENVIRONMENT, label=f"env {variable}")
        if path and tail == FILE_KEY:
            yield NamedFile(path, names.section(head, place), place.origin)
        elif path and head == FILE_KEY and not tail:
            yield NamedFile(path, "", place.origin)


def _settings(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Our variables, with what stands before and after the first double underscore behind the prefix."""
    for variable in sorted(environ):
        name = variable.upper()
        if name.startswith(PREFIX):
            head, _, tail = name.removeprefix(PREFIX).partition("__")
            yield variable, head, tail


def warn_of_single_underscores(environ: Mapping[str, str], names: KnownNames) -> None:
    """Warn of variables that look like settings but for their second underscore, and thus say nothing."""
    for variable in sorted(environ):
        name = variable.upper()
        if name.startswith(PREFIX) or not name.startswith(NEAR_PREFIX) or name in COMMAND_LINE_VARIABLES:
            continue
        if names.is_field(name.removeprefix(NEAR_PREFIX)):
            wanted = name.replace(NEAR_PREFIX, PREFIX, 1)
            warnings.warn(
                f"The environment variable {variable} is ignored: settings have two underscores, as in {wanted}.",
                UserWarning,
                stacklevel=2,
            )
