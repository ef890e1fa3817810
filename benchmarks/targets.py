"""What is compared with what, and how far ahead Pynenc must be."""

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
    goal: Goal

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


def idle(peer: str) -> Plan:
    """Watch one worker do nothing for 20 seconds."""
    return Plan(peer=peer, measure="idle", n=20, workers=1)


def importing(peer: str) -> Plan:
    """Import the package in a new interpreter."""
    return Plan(peer=peer, measure="import", n=1, workers=0)


def paused(measure: str, n: int) -> Plan:
    """Have many invocations wait in one process."""
    return Plan(peer=OURS_MEMORY, measure=measure, n=n, workers=1)


def big_argument(peer: str) -> Plan:
    """Share one large argument among 1,000 calls."""
    return Plan(peer=peer, measure="big_argument", n=1_000, workers=2)


def trigger_latency(peer: str) -> Plan:
    """Have 200 tasks succeed, one at a time, each of which starts another, with two workers."""
    return Plan(peer=peer, measure="trigger_latency", n=200, workers=2, variant="triggers")


def workflow(peer: str) -> Plan:
    """Record 1,000 steps in one workflow, and repeat them."""
    return Plan(peer=peer, measure="workflow", n=1_000, workers=1)


OURS, OURS_REDIS, OURS_MEMORY = "ours-sqlite-ppr", "ours-redis-ppr", "ours-mem-thread"
HUEY, HUEY_REDIS = "huey-sqlite", "huey-redis"

ROWS = (
    Row(
        target="P1",
        title="no-op tasks/s, SQLite, 2 workers",
        ours=throughput(OURS),
        peers=(throughput(HUEY),),
        figure=result("per_second"),
        goal=Goal(times_best_peer=3),
    ),
    Row(
        target="P2",
        title="no-op tasks/s, Redis, 2 workers",
        ours=throughput(OURS_REDIS),
        peers=(throughput(HUEY_REDIS), throughput("celery"), throughput("arq")),
        figure=result("per_second"),
        goal=Goal(times_best_peer=1.3),
    ),
    Row(
        target="P4",
        title="enqueue: single calls/s, SQLite",
        ours=enqueue(OURS),
        peers=(enqueue(HUEY),),
        figure=result("per_second"),
        goal=Goal(at_least=6_000),
    ),
    Row(
        target="P4",
        title="enqueue: batched calls/s, SQLite",
        ours=enqueue_batch(OURS),
        figure=result("per_second"),
        goal=Goal(at_least=40_000),
    ),
    Row(
        target="P5",
        title="fan-out of 1,000: tasks/s, SQLite, 2 workers",
        ours=fanout(OURS),
        peers=(fanout(HUEY),),
        figure=result("per_second"),
        goal=Goal(times_best_peer=2.5),
    ),
    Row(
        target="P6",
        title="fibonacci(15): calls/s, memory, one slot",
        ours=fib(OURS_MEMORY, 1),
        peers=(fib("dask", 2),),
        figure=result("per_second"),
        goal=Goal(times_best_peer=20),
    ),
    Row(
        target="P6",
        title="fibonacci(15): calls/s, SQLite, one slot",
        ours=fib(OURS, 1),
        peers=(fib("dask", 2),),
        figure=result("per_second"),
        goal=Goal(times_best_peer=6),
    ),
    Row(
        target="P7",
        title="idle submit to result: p50 ms, SQLite",
        ours=latency_idle(OURS),
        peers=(latency_idle(HUEY), latency_idle(HUEY, "tuned"), latency_idle("dask")),
        figure=result("p50_ms"),
        goal=Goal(at_most=1),
    ),
    Row(
        target="P7",
        title="idle submit to result: p99 ms, SQLite",
        ours=latency_idle(OURS),
        peers=(latency_idle(HUEY), latency_idle(HUEY, "tuned"), latency_idle("dask")),
        figure=result("p99_ms"),
        goal=Goal(at_most=4),
    ),
    Row(
        target="P8",
        title="submit to result: p50 ms, memory",
        ours=latency(OURS_MEMORY),
        figure=result("p50_ms"),
        goal=Goal(at_most=0.15),
    ),
    Row(
        target="P9",
        title="idle worker: CPU % of a core",
        ours=idle(OURS),
        peers=(idle(HUEY),),
        figure=result("cpu_percent"),
        goal=Goal(at_most=0.1),
    ),
    Row(
        target="P10",
        title="idle worker: PSS MB for each process",
        ours=idle(OURS),
        peers=(idle(HUEY),),
        figure=result("proportional_mb_per_process"),
        goal=Goal(at_most=41.8),
    ),
    Row(
        target="P10",
        title="import: ms",
        ours=importing(OURS),
        peers=(importing(HUEY), importing("dask"), importing("celery"), importing("arq")),
        figure=result("import_ms"),
        goal=Goal(at_most=120),
    ),
    Row(
        target="P11",
        title="CPU µs for each no-op task, SQLite",
        ours=throughput(OURS),
        peers=(throughput(HUEY),),
        figure=cpu_us_per_task,
        goal=Goal(at_most=330),
    ),
    Row(
        target="P12",
        title="2,000 paused sync invocations: PSS MB more, memory",
        ours=paused("paused_threads", 2_000),
        figure=result("mb"),
        goal=Goal(at_most=60),
    ),
    Row(
        target="P12",
        title="2,000 paused sync invocations: CPU % while they wait",
        ours=paused("paused_threads", 2_000),
        figure=result("cpu_percent"),
        goal=Goal(at_most=0.5),
    ),
    Row(
        target="P12",
        title="10,000 paused async invocations: PSS MB more, memory",
        ours=paused("paused_coroutines", 10_000),
        figure=result("mb"),
        goal=Goal(at_most=80),
    ),
    Row(
        target="P12",
        title="10,000 paused async invocations: CPU % while they wait",
        ours=paused("paused_coroutines", 10_000),
        figure=result("cpu_percent"),
        goal=Goal(at_most=0.5),
    ),
    Row(
        target="P14",
        title="10 MB shared by 1,000 calls: times stored, SQLite, 2 workers",
        ours=big_argument(OURS),
        figure=result("stored"),
        goal=Goal(at_most=1),
    ),
    Row(
        target="T1",
        title="status commit to start of the triggered task: p50 ms, SQLite, 2 workers",
        ours=trigger_latency(OURS),
        figure=result("p50_ms"),
        goal=Goal(at_most=20),
    ),
    Row(
        target="T1",
        title="status commit to start of the triggered task: p95 ms, SQLite, 2 workers",
        ours=trigger_latency(OURS),
        figure=result("p95_ms"),
        goal=Goal(at_most=20),
    ),
    Row(
        target="W1",
        title="workflow: µs for each recorded step of 1,000, SQLite",
        ours=workflow(OURS),
        figure=result("recorded_us"),
        goal=Goal(at_most=200),
    ),
    Row(
        target="W1",
        title="workflow: the last hundred recorded steps against the first hundred, SQLite",
        ours=workflow(OURS),
        figure=result("recorded_growth"),
        goal=Goal(at_most=1.2),
    ),
    Row(
        target="W1",
        title="workflow: µs for each repeated step of 1,000, SQLite",
        ours=workflow(OURS),
        figure=result("replayed_us"),
        goal=Goal(at_most=25),
    ),
    Row(
        target="W1",
        title="workflow: the last hundred repeated steps against the first hundred, SQLite",
        ours=workflow(OURS),
        figure=result("replayed_growth"),
        goal=Goal(at_most=1.2),
    ),
)
