"""The unit of work of RabbitMQ: what was pushed goes out, and what was popped is acknowledged, at its end.

RabbitMQ is a queue and no database; its unit ends after that of the ledger (design law 1). So an entry is sent when its
invocation is committed, and acknowledged when the claim is: a worker that dies in between loses neither.
"""

import os
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from pynenc.invocation.record import QueueEntry
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.delivery import Delivery
from pynenc_rabbitmq.session import Session


class Step(threading.local):
    """What a thread has done inside of its unit."""

    def __init__(self) -> None:
        self.depth = 0
        #: What the unit works with: to find it out takes system calls.
        self.session: Session | None = None
        self.pushed: list[QueueEntry] = []
        self.popped: list[Delivery] = []


class RabbitMqUnit:
    """Opens sessions at their first use, and closes a step."""

    def __init__(self, conf: ConfigRabbitMq, app_id: str) -> None:
        self._conf = conf
        self._app_id = app_id
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._pid = os.getpid()
        self.step = Step()

    def __call__(self) -> Self:
        return self

    @property
    def session(self) -> Session:
        """The connections of this process."""
        if self.step.session is not None:
            return self.step.session
        if self._pid != os.getpid():
            # Forked: another thread may have held the lock, and our sockets are the parent's.
            self._lock, self._session, self._pid, self.step = threading.Lock(), None, os.getpid(), Step()
        with self._lock:
            if self._session is None:
                self._session = Session(self._conf, self._app_id)
            return self._session

    def __enter__(self) -> None:
        session = self.session
        if self.step.depth == 0:
            # Here no store is locked yet.
            session.await_first_connection()
            self.step.session = session
        self.step.depth += 1

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        step = self.step
        step.depth -= 1
        if step.depth:
            return
        pushed, step.pushed = step.pushed, []
        popped, step.popped = step.popped, []
        session, step.session = self.session, None
        if error is not None:
            session.give_back(popped)
        elif pushed or popped:
            session.send(pushed, popped)

    def close(self) -> None:
        """End the connections; the next use opens others."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None and self._pid == os.getpid():
            with suppress(OSError):
                session.close()
