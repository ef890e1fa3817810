"""The life of an invocation: the status table, and the one function that decides a transition.

Everything else in Pynenc asks this module. The table is data; ``status_record_transition`` is pure. A store
applies what was decided only if the record is still the one that was decided upon (compare-and-set).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from pynenc.exceptions import InvocationStatusOwnershipError, InvocationStatusTransitionError


class InvocationStatus(StrEnum):
    """Where an invocation is in its life."""

    REGISTERED = "registered"
    CONCURRENCY_CONTROLLED = "concurrency_controlled"
    CONCURRENCY_CONTROLLED_FINAL = "concurrency_controlled_final"
    REROUTED = "rerouted"
    PENDING = "pending"
    PENDING_RECOVERY = "pending_recovery"
    RUNNING = "running"
    RUNNING_RECOVERY = "running_recovery"
    PAUSED = "paused"
    RESUMED = "resumed"
    KILLED = "killed"
    RETRY = "retry"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return self in FINAL

    def is_available_for_run(self) -> bool:
        """Whether a runner may claim it."""
        return self in AVAILABLE

    def is_owned(self) -> bool:
        """Whether it belongs to a runner, whose lease keeps it."""
        return self in OWNED

    def can_transition_to(self, target: "InvocationStatus") -> bool:
        """Whether the table has the edge from this status to ``target``."""
        return target in get_status_definition(self).allowed_transitions

    @classmethod
    def get_final_statuses(cls) -> "frozenset[InvocationStatus]":
        """The statuses after which nothing follows."""
        return FINAL

    @classmethod
    def get_available_for_run_statuses(cls) -> "frozenset[InvocationStatus]":
        """The statuses in which a runner may claim an invocation."""
        return AVAILABLE


@dataclass(frozen=True, slots=True)
class StatusDefinition:
    """What one status means: where it leads, and what it does to ownership.

    Raises:
        ValueError: the flags contradict each other.
    """

    allowed_transitions: frozenset[InvocationStatus] = frozenset()
    is_final: bool = False
    available_for_run: bool = False
    requires_ownership: bool = False
    acquires_ownership: bool = False
    releases_ownership: bool = False
    overrides_ownership: bool = False

    def __post_init__(self) -> None:
        if self.acquires_ownership and self.releases_ownership:
            raise ValueError("A status cannot both acquire and release ownership")
        if self.is_final and self.allowed_transitions:
            raise ValueError("Final statuses cannot have allowed transitions")
        if self.overrides_ownership and self.requires_ownership:
            raise ValueError("A status cannot both override and require ownership")


@dataclass(frozen=True, slots=True)
class StatusConfiguration:
    """A complete table: a definition for each status and one, under ``None``, for what is not there yet.

    Raises:
        ValueError: a status has no definition.
    """

    definitions: Mapping[InvocationStatus | None, StatusDefinition]

    def __post_init__(self) -> None:
        missing = [str(status) for status in (None, *InvocationStatus) if status not in self.definitions]
        if missing:
            raise ValueError(f"Missing definitions for {', '.join(missing)}")

    def get_definition(self, status: InvocationStatus | None) -> StatusDefinition:
        """The definition of ``status``; ``None`` is the state before the first one."""
        return self.definitions[status]

    def having(self, flag: str) -> frozenset[InvocationStatus]:
        """The statuses whose definition has ``flag`` set."""
        return frozenset(s for s, definition in self.definitions.items() if s and getattr(definition, flag))


def _table() -> StatusConfiguration:
    s = InvocationStatus
    released, owned = {"releases_ownership": True}, {"requires_ownership": True}

    #: Where both lead that execute code.
    executing = (s.KILLED, s.REROUTED, s.RETRY, s.SUCCESS, s.FAILED, s.RUNNING_RECOVERY, s.CANCELLED)

    def define(*targets: InvocationStatus, **flags: bool) -> StatusDefinition:
        return StatusDefinition(allowed_transitions=frozenset(targets), **flags)

    return StatusConfiguration(
        {
            None: define(s.REGISTERED),
            s.REGISTERED: define(
                s.PENDING,
                s.CONCURRENCY_CONTROLLED,
                s.CONCURRENCY_CONTROLLED_FINAL,
                s.CANCELLED,
                available_for_run=True,
                **released,
            ),
            s.CONCURRENCY_CONTROLLED: define(s.REROUTED, s.CANCELLED, **released),
            s.REROUTED: define(s.PENDING, s.CONCURRENCY_CONTROLLED, s.CANCELLED, available_for_run=True, **released),
            s.PENDING: define(
                s.RUNNING,
                s.KILLED,
                s.REROUTED,
                s.PENDING_RECOVERY,
                s.CANCELLED,
                acquires_ownership=True,
                **owned,
            ),
            s.PENDING_RECOVERY: define(s.REROUTED, s.FAILED, s.CANCELLED, overrides_ownership=True, **released),
            s.RUNNING: define(s.PAUSED, *executing, **owned),
            s.RUNNING_RECOVERY: define(s.REROUTED, s.FAILED, s.CANCELLED, overrides_ownership=True, **released),
            s.PAUSED: define(s.RESUMED, s.KILLED, s.RUNNING_RECOVERY, s.CANCELLED, **owned),
            s.RESUMED: define(s.PAUSED, *executing, **owned),
            s.KILLED: define(s.REROUTED, s.CANCELLED, **released),
            s.RETRY: define(s.PENDING, s.CONCURRENCY_CONTROLLED, s.CANCELLED, available_for_run=True, **released),
            s.SUCCESS: define(is_final=True, **released),
            s.FAILED: define(is_final=True, **released),
            s.CONCURRENCY_CONTROLLED_FINAL: define(is_final=True, **released),
            s.CANCELLED: define(is_final=True, **released),
        }
    )


#: The table in force. Tests that exercise other tables replace it, so the helpers look it up when called.
_CONFIG = _table()

FINAL = _CONFIG.having("is_final")
AVAILABLE = _CONFIG.having("available_for_run")
OWNED = _CONFIG.having("requires_ownership")
#: What registration concurrency counts: accepted, and not started yet (design section 8).
UNSTARTED = AVAILABLE | {InvocationStatus.CONCURRENCY_CONTROLLED, InvocationStatus.PENDING}


def _may_come_again(status: InvocationStatus) -> bool:
    if _CONFIG.get_definition(status).acquires_ownership:
        # With it an attempt begins.
        return False
    seen: set[InvocationStatus] = set()
    todo = [status]
    while todo:
        for each in _CONFIG.get_definition(todo.pop()).allowed_transitions:
            if each is status:
                return True
            if each not in seen and not _CONFIG.get_definition(each).acquires_ownership:
                seen.add(each)
                todo.append(each)
    return False


#: What one attempt may reach several times: an invocation pauses for each of the results it waits for.
REPEATABLE = frozenset(status for status in InvocationStatus if _may_come_again(status))


def statuses_before(target: InvocationStatus) -> frozenset[InvocationStatus]:
    """The statuses that have an edge to ``target``: what a compare-and-set to it accepts."""
    return frozenset(s for s in InvocationStatus if target in _CONFIG.get_definition(s).allowed_transitions)


@dataclass(frozen=True, slots=True)
class InvocationStatusRecord:
    """A status, who owns the invocation in it, and since when."""

    status: InvocationStatus
    runner_id: str | None = None
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return {"status": self.status.value, "runner_id": self.runner_id, "timestamp": self.timestamp.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a record; a timestamp without a zone is UTC."""
        timestamp = datetime.fromisoformat(data["timestamp"])
        if timestamp.tzinfo is None:
            timestamp = timestamp.replace(tzinfo=UTC)
        return cls(InvocationStatus(data["status"]), data.get("runner_id"), timestamp)


def get_status_definition(status: InvocationStatus | None) -> StatusDefinition:
    """The definition of ``status`` in the table in force."""
    return _CONFIG.get_definition(status)


def validate_transition(from_status: InvocationStatus | None, to_status: InvocationStatus) -> None:
    """Check that the table has the edge.

    Raises:
        InvocationStatusTransitionError: it does not.
    """
    allowed = get_status_definition(from_status).allowed_transitions
    if to_status not in allowed:
        raise InvocationStatusTransitionError(from_status, to_status, sorted(allowed))


def validate_ownership(
    current: InvocationStatusRecord | None, new_status: InvocationStatus, runner_id: str | None
) -> None:
    """Check that ``runner_id`` may take the invocation to ``new_status``.

    Raises:
        InvocationStatusOwnershipError: somebody else owns it, or an owner is needed and none is given.
    """
    if current is None:
        return
    target = get_status_definition(new_status)
    if target.overrides_ownership:
        return
    if get_status_definition(current.status).requires_ownership and runner_id != current.runner_id:
        reason = f"status {current.status} requires ownership by {current.runner_id}"
        raise InvocationStatusOwnershipError(current.status, new_status, current.runner_id, runner_id, reason)
    if target.acquires_ownership and not runner_id:
        reason = f"status {new_status} requires a runner_id"
        raise InvocationStatusOwnershipError(current.status, new_status, current.runner_id, None, reason)


def compute_new_owner(
    current: InvocationStatusRecord | None, new_status: InvocationStatus, runner_id: str | None
) -> str | None:
    """Who owns the invocation once it is in ``new_status``."""
    target = get_status_definition(new_status)
    if target.releases_ownership:
        return None
    if target.acquires_ownership:
        return runner_id
    return current.runner_id if current else None


def status_record_transition(
    current: InvocationStatusRecord | None, new_status: InvocationStatus, runner_id: str | None
) -> InvocationStatusRecord:
    """Decide a transition: the record that follows ``current``, or the error that forbids it.

    Raises:
        InvocationStatusTransitionError: the table has no such edge.
        InvocationStatusOwnershipError: ``runner_id`` may not do it.
    """
    validate_transition(current.status if current else None, new_status)
    validate_ownership(current, new_status, runner_id)
    return InvocationStatusRecord(new_status, compute_new_owner(current, new_status, runner_id))


def check_history(statuses: Iterable[InvocationStatus]) -> None:
    """Check that a recorded history is a walk through the table, from its start.

    Raises:
        InvocationStatusTransitionError: two neighbours are not joined by an edge.
    """
    previous: InvocationStatus | None = None
    for status in statuses:
        validate_transition(previous, status)
        previous = status
