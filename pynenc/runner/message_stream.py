"""JSON messages between processes of one machine, over a stream socket, each preceded by its length.

A stream and not datagrams: a message may be larger than a datagram, and macOS has no local socket that keeps both
order and boundaries. The socket never blocks; where a caller wants to wait, it says for how long.
"""

import contextlib
import json
import math
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Message: TypeAlias = Mapping[str, JSON]

_HEADER: Final = struct.Struct("!I")
#: A larger message belongs into the client data store; a larger *announced* one is a stream that went wrong.
MESSAGE_LIMIT_BYTES: Final = 256 * 1024 * 1024
_READ_BYTES: Final = 64 * 1024
#: Reads in one call of ``receive``: a peer that never stops writing does not keep a loop from its other work.
_READS_PER_CALL: Final = 64


class MessageStream:
    """One end of a conversation. Any thread may send; one thread at a time receives."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        self.socket: Final = connection
        #: The peer has closed its end and everything it said was received; nothing more will come.
        self.closed = False
        self._incoming = bytearray()
        self._unsent = bytearray()
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self.socket.fileno()

    def send(self, message: Message, timeout_seconds: float | None = None) -> bool:
        """Send a message, waiting while the peer does not read; False when it is gone or reads too late.

        A message half written would garble the next one, so a peer that reads too late is cut off.
        """
        with self._sending:
            self.post(message)
            return self.deliver(timeout_seconds)

    def post(self, message: Message) -> None:
        """Keep a message for ``deliver`` or ``flush``, without writing anything yet."""
        self._unsent += _encode(message)

    def deliver(self, timeout_seconds: float | None) -> bool:
        """Write what was posted, as ``send`` does."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while self._unsent:
            if not self._write_some():
                return False
            if self._unsent and not _wait_for(self, select.POLLOUT, deadline):
                self._cut()
                return False
        return True

    def flush(self) -> bool:
        """Write what the peer takes now of what was posted; False when something is left to write."""
        return not (self._unsent and self._write_some() and self._unsent)

    def receive(self) -> list[dict[str, JSON]]:
        """Return the complete messages that have arrived, without waiting; ``closed`` tells of the end."""
        for _ in range(_READS_PER_CALL):
            if self.closed:
                break
            try:
                chunk = self._read()
            except BlockingIOError:
                break
            except OSError:  # reset: the peer died with unread messages of ours
                chunk = b""
            self.closed = not chunk
            self._incoming += chunk
        return self._complete_messages()

    def wait(self, timeout_seconds: float | None) -> bool:
        """Wait until there is something to receive, the end included; False when the time is over."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        return self.closed or _wait_for(self, select.POLLIN, deadline)

    def wait_for_end(self, timeout_seconds: float) -> bool:
        """Wait until the peer is gone, whatever it left to receive; whether it is."""
        # No event asked for: only the hang-up, which is always told.
        return self.fileno() < 0 or _wait_for(self, 0, time.monotonic() + timeout_seconds)

    def close(self) -> None:
        """Close this end; the peer sees the end once no other process has it open."""
        self.closed = True
        self.socket.close()

    def _read(self) -> bytes:
        return self.socket.recv(_READ_BYTES)

    def _write(self) -> int:
        return self.socket.send(self._unsent)

    def _write_some(self) -> bool:
        """Write what the socket takes; False, and nothing more to write, when the peer is gone."""
        try:
            del self._unsent[: self._write()]
        except BlockingIOError:
            return True
        except OSError:
            self._unsent.clear()
            return False
        return True

    def _complete_messages(self) -> list[dict[str, JSON]]:
        messages: list[dict[str, JSON]] = []
        start = 0
        while len(self._incoming) - start >= _HEADER.size:
            (size,) = _HEADER.unpack_from(self._incoming, start)
            end = start + _HEADER.size + size
            if size <= MESSAGE_LIMIT_BYTES and end > len(self._incoming):
                break
            message = _decode(self._incoming[start + _HEADER.size : end]) if size <= MESSAGE_LIMIT_BYTES else None
            if message is None:
                # User code in a child can write to any descriptor: that costs its own stream and nobody else's.
                self._cut()
                break
            messages.append(message)
            start = end
        del self._incoming[:start]
        return messages

    def _cut(self) -> None:
        self.closed = True
        self._incoming.clear()
        self._unsent.clear()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class DescriptorStream(MessageStream):
    """A message stream that can hand over an open file together with a message."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self._outgoing: deque[int] = deque()
        self._arrived: deque[int] = deque()

    def hand_over(self, message: Message, descriptor: int, timeout_seconds: float | None = None) -> bool:
        """Send a message with a descriptor; the caller keeps, and closes, its own copy."""
        self._outgoing.append(descriptor)
        sent = self.send(message, timeout_seconds)
        self._outgoing.clear()
        return sent

    def take_descriptor(self) -> int | None:
        """Return the oldest descriptor that came and was not taken; None if this process had no room for it."""
        return self._arrived.popleft() if self._arrived else None

    def close(self) -> None:
        """Close this end and the descriptors nobody took."""
        super().close()
        while self._arrived:
            os.close(self._arrived.popleft())

    def _write(self) -> int:
        if not self._outgoing:
            return super()._write()
        written = socket.send_fds(self.socket, [self._unsent], [self._outgoing[0]])
        self._outgoing.popleft()
        return written

    def _read(self) -> bytes:
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        chunk, descriptors, _, _ = socket.recv_fds(self.socket, _READ_BYTES, 1, flags)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - its signature; for where the flag does not exist
        self._arrived.extend(descriptors)
        return chunk


def _encode(message: Message) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MESSAGE_LIMIT_BYTES:
        raise ValueError(
            f"A message of {len(body):,} bytes between a runner and its process is above the limit of "
            f"{MESSAGE_LIMIT_BYTES:,}: large arguments go through the client data store."
        )
    return _HEADER.pack(len(body)) + body


def _decode(body: bytearray) -> dict[str, JSON] | None:
    try:
        message: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, JSON]", message) if isinstance(message, dict) else None


def _wait_for(stream: MessageStream, event: int, deadline: float | None) -> bool:
    poller = select.poll()
    poller.register(stream, event)
    if deadline is None:
        return bool(poller.poll())
    return bool(poller.poll(max(0, math.ceil((deadline - time.monotonic()) * 1000))))
