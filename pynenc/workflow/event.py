"""An event in the log, as workflows are given it and programs read it.

Here and not with the triggers: those are imported by who uses them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Event(NamedTuple):
    """An event in the log."""

    position: int
    event_id: str
    event_code: str
    payload: Mapping[str, Any]
    #: Seconds since the epoch.
    at: float
