"""The parts of a target: a plan to carry out, a figure to read from its record, a goal."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.harness.run import Plan, Record

#: Reads the figure of a row from one run.
Figure = Callable[[Record], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What our figure must reach: a bound of its own, or a multiple of the best peer's."""

    at_least: float | None = None
    at_most: float | None = None
    times_best_peer: float | None = None

    def __str__(self) -> str:
        """Say it as the table does."""
        if self.times_best_peer is not None:
            return f"≥ {self.times_best_peer:g} × peer"
        return f"≥ {self.at_least:,.6g}" if self.at_least is not None else f"≤ {self.at_most:,.6g}"

    def met(self, ours: float, peers: list[float]) -> bool:
        """Judge a figure; without any peer's a comparison is not won."""
        if self.times_best_peer is not None:
            return bool(peers) and ours >= self.times_best_peer * max(peers)
        if self.at_least is not None:
            return ours >= self.at_least
        return self.at_most is not None and ours <= self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. Rows may share runs: a plan is carried out once a pass, however many rows read it."""

    target: str
    title: str
    ours: Plan
    peers: tuple[Plan, ...] = ()
    figure: Figure
    #: None: nothing is promised, the figure is for those who plan for a server.
    goal: Goal | None = None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """All runs the row needs."""
        return (self.ours, *self.peers)


def result(name: str) -> Figure:
    """Read what the client measured."""
    return lambda record: record.result[name]


def cpu_us_per_task(record: Record) -> float:
    """Read the processor time of all processes together for each task."""
    return 1e6 * record.cpu_seconds / record.plan.n


def server_cpu_us_per_task(record: Record) -> float:
    """Read the processor time of the servers for each task."""
    return 1e6 * record.server_cpu_seconds / record.plan.n


def server_bytes_per_task(record: Record) -> float:
    """Read by how much the data on the server have grown for each task."""
    return record.server_bytes / record.plan.n


def throughput(peer: str) -> Plan:
    """Submit 10,000 no-op tasks to two workers and read all results."""
    return Plan(peer=peer, measure="throughput", n=10_000, workers=2)


def fanout(peer: str) -> Plan:
    """Run one parent with 1,000 children on two workers."""
    return Plan(peer=peer, measure="fanout", n=1_000, workers=2)


def fib(peer: str, workers: int) -> Plan:
    """Run fibonacci(15), which is 1,973 calls."""
    return Plan(peer=peer, measure="fib", n=15, workers=workers)


def enqueue(peer: str) -> Plan:
    """Submit 10,000 tasks, one call each, with no worker."""
    return Plan(peer=peer, measure="enqueue", n=10_000, workers=0)


def enqueue_batch(peer: str) -> Plan:
    """Submit 50,000 tasks in batches, with no worker."""
    return Plan(peer=peer, measure="enqueue_batch", n=50_000, workers=0)


def latency_idle(peer: str, variant: str = "default") -> Plan:
    """Submit one task at a time to one worker that has gone to sleep."""
    return Plan(peer=peer, measure="latency_idle", n=200, workers=1, variant=variant)


def latency(peer: str) -> Plan:
    """Submit one task after the other to one worker."""
    return Plan(peer=peer, measure="latency", n=1_000, workers=1)


def latency_half(peer: str) -> Plan:
    """Submit tasks to two workers at half the pace they can keep."""
    return Plan(peer=peer, measure="latency_half", n=5_000, workers=2)


def idle(peer: str) -> Plan:
    """Watch one worker do nothing for 20 seconds."""
    return Plan(peer=peer, measure="idle", n=20, workers=1)


def importing(peer: str) -> Plan:
    """Import the package in a new interpreter."""
    return Plan(peer=peer, measure="import", n=1, workers=0)


def paused(peer: str, measure: str, n: int) -> Plan:
    """Have many invocations wait in one process."""
    return Plan(peer=peer, measure=measure, n=n, workers=1)


def big_argument(peer: str) -> Plan:
    """Share one large argument among 1,000 calls."""
    return Plan(peer=peer, measure="big_argument", n=1_000, workers=2)


def trigger_latency(peer: str) -> Plan:
    """Have 200 tasks succeed, one at a time, each of which starts another, with two workers."""
    return Plan(peer=peer, measure="trigger_latency", n=200, workers=2, variant="triggers")


def workflow(peer: str) -> Plan:
    """Record 1,000 steps in one workflow, and repeat them."""
    return Plan(peer=peer, measure="workflow", n=1_000, workers=1)
