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


def checked_code(event_code: object) -> str:
    """A code as the text it is.

    Raises:
        TypeError: it is none.
        ValueError: it is empty.
    """
    if not isinstance(event_code, str):
        raise TypeError(f"{event_code!r} is no event code: it is a text that names a kind of event, such as 'paid'.")
    if not event_code:
        raise ValueError("The event code is empty: it is a text that names a kind of event, such as 'paid'.")
    # Members of enumerations are texts that say something else of themselves.
    return str.__str__(event_code)


def checked_payload(event_code: str, payload: object) -> dict[str, Any]:
    """A payload as a dictionary of its own.

    Raises:
        TypeError: it is no mapping.
    """
    if payload is None:
        return {}
    if not isinstance(payload, Mapping):
        raise TypeError(
            f"Event {event_code!r} was not emitted: its payload is {type(payload).__name__}, and must be a mapping "
            "from names to values, for filters and argument functions ask by name. Pass a dictionary, such as "
            "{'items': [...]}."
        )
    return dict(payload)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
