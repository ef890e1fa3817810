"""What a runner says of itself."""

from typing import NamedTuple


class RunnerRecord(NamedTuple):
    """One incarnation of one process that runs invocations, or supervises those that do."""

    runner_id: str
    #: Name of the runner class, or of the role of a child.
    runner_cls: str
    parent_id: str | None
    hostname: str
    pid: int
    started_at: float
    last_beat: float
    #: Set when it stopped in good order.
    stopped_at: float | None
    #: Queues it serves; empty: all.
    queues: tuple[str, ...] = ()
    slots: int = 0
    version: str = ""
    #: Wake-up address.
    address: str | None = None
