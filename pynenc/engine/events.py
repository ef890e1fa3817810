"""The event catalogue: everything the engine and the runners say, worded and levelled in one place.

Code announces what happened; only this module calls a logger. Values follow fixed tokens (``invocation:``,
``task:``, ``runner:``, ``status:``) that the log explorer looks for. Arguments and results are never logged.
"""

import logging
from collections.abc import Sequence

from pynenc.invocation.record import InvocationRecord

#: Of many ids that a line would name, the first so many are.
MOST_NAMED = 5


class Events:
    """Announces what happens in one application to its logger."""

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger

    def debugging(self) -> bool:
        """Whether anybody reads DEBUG; hot paths ask before they announce."""
        return self._log.isEnabledFor(logging.DEBUG)

    # -- invocations

    def registered(self, invocation_id: str, task_id: str) -> None:
        self._log.debug("invocation:%s task:%s status:registered", invocation_id, task_id)

    def reused(self, invocation_id: str, task_id: str) -> None:
        self._log.debug("invocation:%s task:%s reused: an equal call has not started yet", invocation_id, task_id)

    def changed(self, record: InvocationRecord) -> None:
        self._log.debug("invocation:%s task:%s status:%s", record.invocation_id, record.task_id, record.status)

    def retried(self, record: InvocationRecord, error: BaseException, delay_seconds: float) -> None:
        self._log.warning(
            "WILL-RETRY invocation:%s task:%s after %s (retry %d, in %.3g s)",
            record.invocation_id,
            record.task_id,
            type(error).__name__,
            record.retries + 1,
            delay_seconds,
        )

    def left_to_others(self, record: InvocationRecord, error: BaseException, pause_seconds: float) -> None:
        self._log.warning(
            "LEFT-TO-OTHERS invocation:%s task:%s may be claimed again in %.3g s: %s",
            record.invocation_id,
            record.task_id,
            pause_seconds,
            error,
        )

    def failed(self, record: InvocationRecord, error: BaseException, status: str) -> None:
        self._log.error(
            "EXCEPTION invocation:%s task:%s status:%s %s",
            record.invocation_id,
            record.task_id,
            status,
            type(error).__name__,
            exc_info=error,
        )

    def stale_outcome(self, record: InvocationRecord, reason: str) -> None:
        self._log.warning("REFUSED invocation:%s task:%s: %s", record.invocation_id, record.task_id, reason)

    def recovered(self, record: InvocationRecord, was: str, owner: str | None) -> None:
        self._log.warning(
            "RECOVERED invocation:%s task:%s was %s, its runner:%s is dead (attempt %d, recoveries %d)",
            record.invocation_id,
            record.task_id,
            was,
            owner,
            record.attempt,
            record.recoveries,
        )

    def lost(self, record: InvocationRecord, recoveries: int) -> None:
        self._log.error(
            "GIVEN-UP invocation:%s task:%s status:failed: its workers died %d times",
            record.invocation_id,
            record.task_id,
            recoveries,
        )

    def still_executing(self, record: InvocationRecord) -> None:
        self._log.warning(
            "still executing invocation:%s task:%s: a thread cannot be ended from outside; the invocation was "
            "rerouted and the outcome of this attempt will be refused",
            record.invocation_id,
            record.task_id,
        )

    def requeued(self, invocation_ids: Sequence[str]) -> None:
        self._log.warning("Sweep queued again: %s", ", ".join(f"invocation:{i}" for i in invocation_ids))

    def payload_refused(self, text: str) -> None:
        """Somebody may have tampered with the store. Nothing of the payload is in the text."""
        self._log.error("SECURITY %s", text)

    # -- waiting

    def no_runner(self, waited_seconds: float, command: str) -> None:
        self._log.warning(
            "Still waiting after %.3g s, and no runner is alive for this application. Start one: %s",
            waited_seconds,
            command,
        )

    def wakeups_unreachable(self) -> None:
        self._log.warning(
            "Wake-ups do not reach this process; results are looked for at intervals of up to 0.25 s instead"
        )

    # -- runners

    def store_location(self, location: str) -> None:
        self._log.info("Keeping state in %s", location)

    def runner_started(self, runner_cls: str, runner_id: str, detail: str) -> None:
        self._log.info("%s runner:%s started (%s)", runner_cls, runner_id, detail)

    def runner_stopping(self, runner_cls: str, runner_id: str, reason: str, grace_seconds: float) -> None:
        self._log.info(
            "%s runner:%s stopping: %s; what runs has %.3g s to end", runner_cls, runner_id, reason, grace_seconds
        )

    def stop_waits(
        self, runner_id: str, running: Sequence[tuple[InvocationRecord, float]], count: int, left_seconds: float
    ) -> None:
        named = ", ".join(
            f"invocation:{record.invocation_id} task:{record.task_id} for {seconds:.3g} s"
            for record, seconds in running
        )
        more = f", and {count - len(running)} more" if count > len(running) else ""
        self._log.info(
            "runner:%s stops when these have ended, in %.3g s at the latest: %s%s", runner_id, left_seconds, named, more
        )

    def runner_stopped(self, runner_cls: str, runner_id: str) -> None:
        self._log.info("%s runner:%s stopped", runner_cls, runner_id)

    def worker_died(self, runner_id: str, pid: int, how: str) -> None:
        self._log.warning(
            "worker:%s (pid %d) died: %s; it is replaced and its invocations are recovered", runner_id, pid, how
        )

    def worker_ended(self, runner_id: str, pid: int) -> None:
        self._log.debug("worker:%s (pid %d) ended", runner_id, pid)

    def lease_lost(self, runner_id: str, late_seconds: float) -> None:
        self._log.error(
            "runner:%s renewed its lease %.3g s too late: what it held may have been given to others; "
            "its outcomes for those are refused",
            runner_id,
            late_seconds,
        )

    def duty_failed(self, duty: str, error: BaseException) -> None:
        self._log.error("Duty %s failed: %s: %s", duty, type(error).__name__, error, exc_info=error)

    def trigger_fired(self, definition_id: str, task_id: str, causes: str) -> None:
        self._log.debug("trigger:%s started task:%s because of %s", definition_id, task_id, causes)

    def trigger_failed(self, definition_id: str, task_id: str, error: str, causes: str) -> None:
        self._log.warning(
            "trigger:%s did not start task:%s because of %s: %s; `pynenc triggers show %s` has its firings",
            definition_id,
            task_id,
            causes,
            error,
            definition_id,
        )

    def trigger_line_full(self, definition_id: str, task_id: str, place: str, keys: Sequence[str]) -> None:
        self._log.warning(
            "trigger:%s of task:%s: too much waits at %s for the other conditions, and the oldest was dropped: %s. "
            "Raise max_waiting_occurrences, or say with within_seconds how long anything is to wait",
            definition_id,
            task_id,
            place,
            _named(keys),
        )

    def trigger_not_searched(self, definition_id: str, task_id: str, keys: Sequence[str]) -> None:
        self._log.warning(
            "trigger:%s of task:%s: too much waits for the search of what belongs together, so these wait, too, until "
            "the next of the others comes: %s. Lower max_waiting_occurrences, or say with within_seconds how long "
            "anything is to wait",
            definition_id,
            task_id,
            _named(keys),
        )

    def warning(self, text: str) -> None:
        self._log.warning("%s", text)

    def loop_failed(self, where: str, error: BaseException) -> None:
        self._log.error("%s failed, going on: %s: %s", where, type(error).__name__, error, exc_info=error)


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:MOST_NAMED]) + (f" and {len(keys) - MOST_NAMED} more" if len(keys) > MOST_NAMED else "")
