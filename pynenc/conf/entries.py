"""One value that one source gives to one setting, and the order in which such values beat each other.

All sources are turned into the same flat list. Which value wins is then one comparison: the source first, and
inside a source the narrower statement (a class's own section over its ancestors', those over a general value,
one task over all tasks).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, IntEnum
from pathlib import Path
from typing import NamedTuple, cast


class Source(IntEnum):
    """Where a value was written; the larger number wins."""

    PYPROJECT = 1
    #: The constructor's mapping, which is what a builder fills; for a task also the options of its decorator.
    EXPLICIT = 2
    FILE = 3
    ENVIRONMENT_FILE = 4
    ENVIRONMENT_GROUP_FILE = 5
    ENVIRONMENT = 6
    ASSIGNED = 7


class Entry(NamedTuple):
    """One value from one source. Plain data: a snapshot of settings is a list of these."""

    source: Source
    #: Only groups that listen to this section take the value (its file was named for them); "" = all groups.
    reader: str
    #: The section in which the value stands; "" = it is general, for every group that has the field.
    section: str
    #: The task whose value it is, in lower case; "" = all tasks.
    task: str
    field: str
    value: object
    #: What to show a person who asks where the value comes from.
    origin: str

    def applies_to(self, sections: Sequence[str], task: str) -> bool:
        """Say whether a group that listens to ``sections``, built for ``task``, takes this value."""
        return (
            (not self.reader or self.reader in sections)
            and (not self.section or self.section in sections)
            and (not self.task or self.task == task)
        )

    def rank(self, sections: Sequence[str]) -> tuple[int, int, int, bool]:
        """Sort key among the entries that apply: the last one wins."""
        reader = sections.index(self.reader) if self.reader else -1
        section = sections.index(self.section) if self.section else -1
        return (self.source, reader, section, bool(self.task))


def winners(entries: Iterator[Entry], sections: Sequence[str], task: str) -> dict[str, Entry]:
    """For each field the entry that beats the others, among those that apply; later ones win ties."""
    applying = [entry for entry in entries if entry.applies_to(sections, task)]
    return {entry.field: entry for entry in sorted(applying, key=lambda entry: entry.rank(sections))}


def plain(value: object) -> object:
    """Make ``value`` free of live objects, such that reading it as a setting gives the same again."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Iterable[object]", value)]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value
