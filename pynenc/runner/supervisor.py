"""Runners whose work is done by child processes: start them, watch them, replace them, end them.

The supervisor executes nothing. It keeps its children's leases, so that user code which holds the interpreter
does not lose them, and takes back at once what a dead child held.
"""

import os
import pickle
import selectors
import signal
from abc import abstractmethod
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pynenc import bootstrap
from pynenc.engine.recovery import recover_from
from pynenc.exceptions import ForkServerError
from pynenc.identifiers import new_id
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.runner.base_runner import BaseRunner
from pynenc.runner.child_process import UNKNOWN_STATUS
from pynenc.runner.fork_server import ForkServer
from pynenc.runner.fork_server_process import ForkedChild
from pynenc.runner.worker_process import UNWIND_SECONDS, WorkerSettings

#: Children get this long beyond their grace to end by themselves, then they are killed.
KILL_AFTER_SECONDS: Final = 0.5
#: The loop turns at least this often, should something go unnoticed.
SAFETY_SECONDS: Final = 2.0
#: After a child that died at once, or a failed fork, the next is started this much later; doubles up to the longest.
BACKOFF_SECONDS: Final = 0.1
BACKOFF_LONGEST_SECONDS: Final = 10.0
#: A child that lived this long did not die at once.
HEALTHY_SECONDS: Final = 2.0
#: Invocations given back in one step.
BATCH: Final = 200


@dataclass(slots=True)
class Child:
    """One child process and what is known of it."""

    runner_id: str
    process: ForkedChild
    started_at: float
    #: It has said that it took an invocation (single use only).
    claimed: bool = False
    #: All its invocations wait: its slot is free for another process.
    paused: bool = False
    #: It was told to end, or said that it is about to.
    leaving: bool = False
    #: It is not on the board, and to be told so.
    unlisted: bool = False


class Supervisor(BaseRunner):
    """The common part of the runners with processes."""

    #: What a child is called in logs and on the board.
    role: ClassVar[str] = "Worker"
    single_use: ClassVar[bool] = False

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._children: dict[int, Child] = {}
        self._server: ForkServer | None = None
        self._selector: selectors.BaseSelector | None = None
        self._alarm_read, self._alarm_write = -1, -1
        self._backoff = 0.0
        self._not_before = 0.0

    # -- what the kinds decide

    @abstractmethod
    def _wanted(self) -> int:
        """How many more children to start now."""

    @abstractmethod
    def _slots_of_child(self) -> int:
        """How many invocations a child executes at once."""

    def _idle_seconds(self) -> float | None:
        """After how long without work a child offers to end."""
        return None

    def _may_end(self, child: Child) -> bool:  # noqa: ARG002 - for those who decide by the child
        """Whether a child that offers to end should."""
        return False

    # -- the loop

    def _run_once(self) -> None:
        self._enlist(0)
        events = self.engine.events
        self._alarm_read, self._alarm_write = os.pipe()
        os.set_blocking(self._alarm_read, False)
        os.set_blocking(self._alarm_write, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._alarm_read, selectors.EVENT_READ)
        self._server = ForkServer(
            "pynenc.runner.worker_process:load", pickle.dumps(self._settings()), name=self.app.app_id
        )
        heartbeat, duties = None, None
        try:
            self._start_server()
            heartbeat, duties = self._duties(self._leases)
            events.runner_started(type(self).__name__, self.runner_id, self._detail())
            self._follow_work()
            while not self._stop.is_set():
                self._turn()
            grace = self.app.conf.stop_grace_seconds
            events.runner_stopping(type(self).__name__, self.runner_id, self._reason, grace)
            self._end_children(grace)
        finally:
            if duties is not None and heartbeat is not None:
                duties.stop()
                heartbeat.stop()
            self._close()
            events.runner_stopped(type(self).__name__, self.runner_id)

    def _detail(self) -> str:
        return self.role

    def _settings(self) -> WorkerSettings:
        return WorkerSettings(
            app=bootstrap.describe(self.app),
            parent_id=self.runner_id,
            parent_cls=type(self).__name__,
            role=self.role,
            conf_class=self.conf_class,
            slots=self._slots_of_child(),
            single_use=self.single_use,
            idle_seconds=self._idle_seconds(),
        )

    def _leases(self) -> list[str]:
        return [self.runner_id, *(child.runner_id for child in list(self._children.values()))]

    def _enter_again(self, unknown: Collection[str]) -> None:
        super()._enter_again(unknown)
        for child in list(self._children.values()):
            child.unlisted = child.runner_id in unknown
        self._wake()

    def _follow_work(self) -> None:
        """Be told of work; those who start children for it override this."""

    def _wake(self) -> None:
        if self._alarm_write >= 0:
            # Full: it will wake anyway; closed: it has ended.
            with suppress(OSError):
                os.write(self._alarm_write, b"!")

    def _turn(self) -> None:
        """Start what is wanted, wait until something happens, deal with it."""
        pause = self._start_children()
        assert self._selector is not None  # noqa: S101 - made by _run_once
        for key, _ in self._selector.select(SAFETY_SECONDS if pause is None else min(pause, SAFETY_SECONDS)):
            if key.fileobj == self._alarm_read:
                _drain(self._alarm_read)
            elif isinstance(key.data, Child):
                self._hear(key.data)
        for child in self._children.values():
            if child.unlisted:
                child.unlisted = False
                child.process.send({"do": "enlist"})
        self._bury()

    def _start_server(self) -> None:
        assert self._server is not None and self._selector is not None  # noqa: S101, PT018 - made by _run_once
        self._server.start()
        self._selector.register(self._server, selectors.EVENT_READ)

    def _start_children(self) -> float | None:
        """Start what is wanted; how long to wait at most, if not for ever."""
        now = self.engine.clock.monotonic()
        try:
            wanted = self._wanted()
        except Exception as error:  # noqa: BLE001 - the store may be away for a while; asked again at the next turn
            self.engine.events.loop_failed("Looking for work", error)
            return None
        if not wanted:
            return None
        if now < self._not_before:
            return self._not_before - now
        try:
            for _ in range(wanted):
                self._start_child()
        except ForkServerError as error:
            self.engine.events.loop_failed("Starting a worker process", error)
            self._back_off()
            return self._not_before - now
        return None

    def _start_child(self) -> None:
        assert self._server is not None and self._selector is not None  # noqa: S101, PT018 - made by _run_once
        runner_id = new_id()
        process = self._server.fork({"runner_id": runner_id})
        child = Child(runner_id, process, self.engine.clock.monotonic())
        self._children[process.pid] = child
        self._selector.register(process, selectors.EVENT_READ, child)

    def _back_off(self) -> None:
        self._backoff = min(max(self._backoff * 2, BACKOFF_SECONDS), BACKOFF_LONGEST_SECONDS)
        self._not_before = self.engine.clock.monotonic() + self._backoff

    # -- children

    def _hear(self, child: Child) -> None:
        assert self._selector is not None  # noqa: S101 - made by _run_once
        for message in child.process.receive():
            said = message.get("say")
            if said == "claimed":
                child.claimed = True
            elif said in ("paused", "resumed"):
                child.paused = said == "paused"
            elif said == "retire":
                child.leaving = True
                child.process.send({"do": "stop", "grace_seconds": self.app.conf.stop_grace_seconds})
            elif said == "done" or (said == "idle" and self._may_end(child)):
                child.leaving = True
                child.process.send({"do": "stop", "grace_seconds": 0.0})
        if child.process.closed:
            self._unregister(child)

    def _unregister(self, child: Child) -> None:
        assert self._selector is not None  # noqa: S101 - made by _run_once
        # Not there: its end was heard before.
        with suppress(KeyError, ValueError):
            self._selector.unregister(child.process)

    def _bury(self) -> None:
        """Deal with children that ended, and with a fork server that did."""
        assert self._server is not None and self._selector is not None  # noqa: S101, PT018 - made by _run_once
        for pid, status in self._server.exits():
            child = self._children.pop(pid, None)
            if child is None:
                continue
            self._hear(child)
            self._unregister(child)
            child.process.close()
            self._buried(child, pid, status)
        if not self._server.alive and not self._stop.is_set():
            self._selector = _without(self._selector, self._alarm_read, self._children)
            try:
                self._start_server()
            except ForkServerError as error:
                self.engine.events.loop_failed("Starting the fork server again", error)
                self._back_off()

    def _buried(self, child: Child, pid: int, status: int) -> None:
        """A child is gone: take back what it held."""
        events = self.engine.events
        # A task may end its process with os._exit(0): that is no good order either.
        in_good_order = status == 0 and child.leaving
        if in_good_order:
            events.worker_ended(child.runner_id, pid)
        else:
            events.worker_died(child.runner_id, pid, _how(status))
            if self.engine.clock.monotonic() - child.started_at < HEALTHY_SECONDS and status >= 0:
                self._back_off()
            else:
                self._backoff = 0.0
        try:
            if in_good_order:
                self._give_back(child.runner_id)
            else:
                recover_from(self.engine, child.runner_id, self.runner_id)
                self._retire([child.runner_id])
        except Exception as error:  # noqa: BLE001 - the store may be away; the lease of the dead child does it later
            events.loop_failed(f"Taking back from runner:{child.runner_id}", error)

    def _give_back(self, runner_id: str) -> None:
        """A child ended in good order, or was killed because its grace was over: KILLED, then available again."""
        held = self.engine.ledger.find(InvocationQuery(owner=runner_id, limit=BATCH, newest_first=False))
        changes: list[Transition] = []
        for record in held:
            if not record.status.is_owned():
                continue
            if record.status is not InvocationStatus.PENDING:
                changes.append(Transition(record.invocation_id, InvocationStatus.KILLED, runner_id, record.attempt))
            changes.append(Transition(record.invocation_id, InvocationStatus.REROUTED, runner_id, record.attempt))
        if changes:
            self.engine.steps.reroute(changes)
        self._retire([runner_id])

    def _retire(self, runner_ids: list[str]) -> None:
        self.engine.ledger.retire(runner_ids, self.engine.clock.now())

    # -- the end

    def _end_children(self, grace_seconds: float) -> None:
        """Grace for all, then kill; only then is what they held given back."""
        assert self._server is not None and self._selector is not None  # noqa: S101, PT018 - made by _run_once
        clock = self.engine.clock
        for child in self._children.values():
            child.leaving = True
            child.process.send({"do": "stop", "grace_seconds": grace_seconds})
        deadline = clock.monotonic() + grace_seconds + UNWIND_SECONDS + KILL_AFTER_SECONDS
        while self._children and not self._second_signal.is_set():
            left = deadline - clock.monotonic()
            if left <= 0:
                break
            self._selector.select(min(left, 0.2))
            _drain(self._alarm_read)
            self._bury_leaving()
        killed = list(self._children.values())
        for child in killed:
            child.process.kill()
        for child in killed:
            child.process.wait(KILL_AFTER_SECONDS)
            child.process.close()
            self._give_back(child.runner_id)
        self._children.clear()

    def _bury_leaving(self) -> None:
        assert self._server is not None  # noqa: S101 - made by _run_once
        for child in self._children.values():
            child.process.receive()
            if child.process.closed:
                self._unregister(child)
        for pid, _ in self._server.exits():
            child_gone = self._children.pop(pid, None)
            if child_gone is not None:
                self._unregister(child_gone)
                child_gone.process.close()
                self._give_back(child_gone.runner_id)

    def _close(self) -> None:
        for child in self._children.values():
            child.process.kill()
            child.process.close()
        self._children.clear()
        if self._server is not None:
            self._server.close()
        if self._selector is not None:
            self._selector.close()
        for descriptor in (self._alarm_read, self._alarm_write):
            os.close(descriptor)
        self._alarm_read = self._alarm_write = -1
        self._server = self._selector = None
        try:
            self._retire([self.runner_id])
        except Exception as error:  # noqa: BLE001 - the store may be away; the lease ends then
            self.engine.events.loop_failed(f"Leaving the board, runner:{self.runner_id}", error)


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError):
        os.read(descriptor, 4096)


def _without(old: selectors.BaseSelector, alarm: int, children: dict[int, Child]) -> selectors.BaseSelector:
    """A new selector without the dead server, whose descriptor may be somebody else's by now."""
    old.close()
    fresh = selectors.DefaultSelector()
    fresh.register(alarm, selectors.EVENT_READ)
    for child in children.values():
        if not child.process.closed:
            fresh.register(child.process, selectors.EVENT_READ, child)
    return fresh


def _how(status: int) -> str:
    if status == UNKNOWN_STATUS:
        return "how is not known, for the fork server died with it"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit code {status}"
