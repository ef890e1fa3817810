"""Which places an application has: AMQP cannot list queues, so they are written down in a stream.

A stream is a log that everybody reads from its beginning. Who pushes into a place for the first time on a connection
writes a line; everybody who serves all queues follows. It is bounded: the oldest lines go, and what is in use was
written again meanwhile.

Everything here belongs to the thread of the event loop.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from pynenc_rabbitmq.amqp import Channel
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.names import Place, decode_place, directory_name, encode_place

_ARGUMENTS = {"x-queue-type": "stream", "x-max-length-bytes": 2_000_000, "x-stream-max-segment-size-bytes": 500_000}
#: Lines on their way at a time.
_AHEAD = 500
#: How long a reader waits for its own marker, which stands behind all lines that were there.
_READ_SECONDS = 5.0


class Directory:
    """The known places of an application."""

    def __init__(
        self, conf: ConfigRabbitMq, app_id: str, write: Callable[[str, bytes, Mapping[str, Any]], bool]
    ) -> None:
        """``write`` sends a message to a queue with these arguments; False: there is no connection for that."""
        self._write = write
        self._name = directory_name(conf.rabbitmq_queue_prefix, app_id)
        self.places: set[Place] = set()
        #: Called with each place that was not known.
        self.on_new: Callable[[Place], None] = lambda _: None
        self._markers: dict[str, asyncio.Event] = {}

    def announce(self, place: Place) -> None:
        """Write a place down."""
        self._add(place)
        self._write(self._name, encode_place(place), _ARGUMENTS)

    async def follow(self, channel: Channel) -> None:
        """Read what is there, and go on reading as long as the channel lives."""
        await channel.declare(self._name, _ARGUMENTS)
        await channel.limit(_AHEAD)

        def line(tag: int, body: bytes) -> None:
            channel.ack(tag)
            found = decode_place(body)
            if found is None:
                return
            place, marker = found
            if marker:
                if marker in self._markers:
                    self._markers[marker].set()
            else:
                self._add(place)

        await channel.consume(self._name, line, {"x-stream-offset": "first"})
        marker = secrets.token_hex(8)
        read = self._markers[marker] = asyncio.Event()
        try:
            if not self._write(self._name, encode_place(("", ""), marker), _ARGUMENTS):
                return
            async with asyncio.timeout(_READ_SECONDS):
                await read.wait()
        except TimeoutError:
            pass  # What is read later is served later.
        finally:
            del self._markers[marker]

    def _add(self, place: Place) -> None:
        if place not in self.places:
            self.places.add(place)
            self.on_new(place)
