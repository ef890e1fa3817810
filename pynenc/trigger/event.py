"""An event in the log, as programs read it and workflows are given it."""

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
