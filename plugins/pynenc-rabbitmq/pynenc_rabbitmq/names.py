"""What things are called in RabbitMQ, and what a message says: every name and every byte is made here."""

import json
from bisect import bisect_left
from hashlib import sha256
from urllib.parse import quote

from pynenc.invocation.record import QueueEntry

#: (queue, lane) of the port.
Place = tuple[str, str]

#: AMQP allows 255 bytes; what is longer is named by its digest.
_LONGEST_NAME = 200

#: Every level costs the server memory in each queue, so the 201 priorities share seventeen of them.
LEVELS = 16
_MIDDLE = 8
#: From which priority on the next level begins, above 0; below 0 the same mirrored.
_STEPS = (1, 2, 5, 10, 25, 50, 75, 100)


def queue_name(prefix: str, app_id: str, place: Place) -> str:
    """The AMQP queue of a place of an application."""
    return _name(prefix, app_id, "queue", *place)


def directory_name(prefix: str, app_id: str) -> str:
    """The stream in which the places of an application are written down."""
    return _name(prefix, app_id, "places")


def _name(*parts: str) -> str:
    # Quoted, so that the separator is none of theirs and no two lists of parts make one name.
    name = "/".join(quote(part, safe="") for part in parts)
    if len(name) > _LONGEST_NAME:
        name = f"{parts[0]}/{sha256(name.encode()).hexdigest()}"
    return name


def level(priority: int) -> int:
    """The AMQP priority that stands for one of ours; the order is kept, near ones may share a level."""
    steps = bisect_left(_STEPS, abs(priority) + 1)
    return _MIDDLE + (steps if priority > 0 else -steps)


def encode(entry: QueueEntry) -> bytes:
    """The body of a message."""
    return json.dumps(entry).encode()


def decode(body: bytes) -> QueueEntry | None:
    """The entry in a message; None: it is none of ours."""
    try:
        invocation_id, queue, lane, priority, dependents = json.loads(body)
        return QueueEntry(str(invocation_id), str(queue), str(lane), int(priority), int(dependents))
    except (ValueError, TypeError):
        return None


def encode_place(place: Place, marker: str = "") -> bytes:
    """A line of the directory; with a marker, by which its writer knows it again."""
    return json.dumps([*place, marker]).encode()


def decode_place(body: bytes) -> tuple[Place, str] | None:
    """The place and the marker in a line of the directory; None: it is none of ours."""
    try:
        queue, lane, marker = json.loads(body)
        return (str(queue), str(lane)), str(marker)
    except (ValueError, TypeError):
        return None
