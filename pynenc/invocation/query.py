"""The one query value for listings of invocations."""

from dataclasses import dataclass

from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationQuery:
    """Which invocations, in which order, and how many. Conditions that are None or empty do not count."""

    task_id: str | None = None
    args_id: str | None = None
    statuses: frozenset[InvocationStatus] | None = None
    queue: str | None = None
    parent_id: str | None = None
    workflow_id: str | None = None
    workflow_type: str | None = None
    #: Only the invocations that started a workflow.
    roots_only: bool = False
    owner: str | None = None
    running_key: str | None = None
    #: Registered at or after, and before: seconds since the epoch.
    registered_from: float | None = None
    registered_until: float | None = None
    changed_before: float | None = None
    newest_first: bool = True
    #: At most this many in one page.
    limit: int = 100
    #: The last id of the page before.
    after: str | None = None

    def asks_only_for_groups(self) -> bool:
        """Whether nothing beyond status, task and queue is asked for."""
        return not (
            self.args_id
            or self.parent_id
            or self.workflow_id
            or self.workflow_type
            or self.roots_only
            or self.owner
            or self.running_key
            or self.registered_from is not None
            or self.registered_until is not None
            or self.changed_before is not None
        )

    def matches_group(self, status: str, task_id: str, queue: str) -> bool:
        """Whether what has this status, task and queue meets the conditions on these."""
        return (
            (not self.statuses or status in self.statuses)
            and (not self.task_id or task_id == self.task_id)
            and (not self.queue or queue == self.queue)
        )

    def matches(self, record: InvocationRecord) -> bool:
        """Whether a record meets every condition."""
        return (
            self.matches_group(record.status, record.task_id, record.queue)
            and (not self.args_id or record.args_id == self.args_id)
            and (not self.parent_id or record.parent_id == self.parent_id)
            and (not self.workflow_id or record.workflow_id == self.workflow_id)
            and (not self.workflow_type or record.workflow_type == self.workflow_type)
            and (not self.roots_only or record.workflow_id == record.invocation_id)
            and (not self.owner or record.owner == self.owner)
            and (not self.running_key or record.running_key == self.running_key)
            and (self.registered_from is None or record.registered_at >= self.registered_from)
            and (self.registered_until is None or record.registered_at < self.registered_until)
            and (self.changed_before is None or record.changed_at < self.changed_before)
        )
