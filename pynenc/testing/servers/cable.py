"""A network cable between a machine and a server, which a test can cut.

It listens on another loopback address and passes everything on. Cut, it passes nothing and says nothing, as a network
does that is down: connections stay, and what was sent waits, as a system does that sends it again and again.
"""

import socket
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from typing import Self

from pynenc.testing.servers.server import Server, free_port

_CHUNK_BYTES = 65_536


class Cable:
    """Between one machine, which finds the server at ``host`` and ``port``, and the server."""

    def __init__(self, server: Server, host: str = "127.0.0.2") -> None:
        self.host = host
        self.port = free_port()
        self._server = server
        self._whole = threading.Event()
        self._whole.set()
        self._closed = False
        self._sockets: set[socket.socket] = set()
        try:
            self._listening = socket.create_server((host, self.port))
        except OSError:
            # Where there is but one loopback address, ports tell the machines apart.
            self.host = server.host
            self._listening = socket.create_server((server.host, self.port))
        threading.Thread(target=self._accept, name="cable", daemon=True).start()

    @contextmanager
    def cut(self) -> Generator[None]:
        """Nothing passes inside of the ``with`` block; then comes what was sent meanwhile."""
        self._whole.clear()
        try:
            yield
        finally:
            self._whole.set()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), name="cable", daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._whole.wait()
        try:
            far = socket.create_connection((self._server.host, self._server.port))
        except OSError:
            near.close()
            return
        self._sockets.update((near, far))
        back = threading.Thread(target=self._pump, args=(far, near), name="cable", daemon=True)
        back.start()
        self._pump(near, far)
        back.join()
        for end in (near, far):
            self._sockets.discard(end)
            end.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                self._whole.wait()
                target.sendall(data)
            self._whole.wait()
        for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
            with suppress(OSError):
                end.shutdown(how)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._whole.set()
        with closing(self._listening), suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for end in list(self._sockets):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
