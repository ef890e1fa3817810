"""The one query value for listings of invocations."""

from dataclasses import dataclass

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
