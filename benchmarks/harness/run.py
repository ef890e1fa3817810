"""One run: workers and a client start, the client measures, the processes are watched, everything ends."""

import json
import os
import select
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.harness import machine
from benchmarks.harness.peers import HOME, PEERS, Peer
from benchmarks.harness.redis import Counters
from benchmarks.harness.servers import Server, Servers
from pynenc.testing.servers import ServerMissingError

HERE = Path(__file__).resolve().parent

#: What a client may take to connect and to warm up its workers.
READY_LIMIT_SECONDS = 90.0

#: Workers that have not started when the client asks first would make the warm-up longer, nothing else.
WORKER_START_SECONDS = 2.0

#: After the last task, before an idle worker is watched.
SETTLE_SECONDS = 4.0

#: What workers get between SIGTERM and SIGKILL.
STOP_LIMIT_SECONDS = 3.0

#: New interpreters for the measure "import"; the fastest counts, since everything else is the machine's noise.
IMPORTS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured in one run."""

    peer: str
    measure: str
    n: int
    workers: int
    variant: str = "default"
    limit_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What came out of a run: the client's figures, and what the processes used meanwhile."""

    plan: Plan
    result: dict[str, float]
    error: str = ""
    client_cpu_seconds: float = 0.0
    worker_cpu_seconds: float = 0.0
    server_cpu_seconds: float = 0.0
    server_commands: int = 0
    #: By how much the data on the server have grown.
    server_bytes: int = 0
    #: Processor time that others took from the run, in cores: above about 0.3 a wall-clock figure says little.
    foreign_cores: float = 0.0
    started_at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))

    @property
    def cpu_seconds(self) -> float:
        """All processor time of the run: client, workers and server."""
        return self.client_cpu_seconds + self.worker_cpu_seconds + self.server_cpu_seconds

    def as_json(self) -> str:
        """Give one line for the file of results."""
        return json.dumps(asdict(self))


class RunError(Exception):
    """A peer did not do what the run asked of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counters at one moment of a run."""

    wall: float
    busy: float
    client: float
    workers: float
    server: float
    on_server: Counters
    worker_pids: frozenset[int]


class Client:
    """The client process and its side of the protocol (see clients/measures.py)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.says = _pipe(process.stdout)
        self.hears = _pipe(process.stdin)

    def wait(self, kind: str, limit_seconds: float) -> dict[str, float]:
        """Wait for a line of this kind; anything else ends the run."""
        # The client says nothing more until it is told to go on, so a line is all there is to read.
        if not select.select([self.says], [], [], limit_seconds)[0]:
            raise RunError(f"no answer in {limit_seconds:.0f} s")
        said, _, message = self.says.readline().partition(" ")
        content: dict[str, float] = json.loads(message or "{}")
        if said != kind:
            raise RunError(str(content.get("error", "the client ended without an answer")))
        return content

    def go_on(self) -> None:
        """Let the client take its next step."""
        self.hears.write("\n")
        self.hears.flush()


class Run:
    """The processes of one run."""

    def __init__(self, plan: Plan, peer: Peer, folder: Path, log: IO[str], server: Server | None) -> None:
        self.plan = plan
        self.peer = peer
        self.log = log
        self.mark = f"BENCH_RUN={folder.name}"
        self.server = server
        self.variables = _variables(plan, peer, folder) | (server.variables() if server else {})
        self.worker_roots: list[subprocess.Popen[str]] = []
        self.client_root: subprocess.Popen[str] | None = None

    def start_workers(self) -> None:
        """Start the workers of the peer, unless its client does that or none are wanted."""
        for command in self.peer.commands(self.plan.workers, self.plan.variant) if self.plan.workers else []:
            self.worker_roots.append(self._start(command, subprocess.DEVNULL, "worker"))
        if self.worker_roots:
            time.sleep(WORKER_START_SECONDS)

    def start_client(self) -> Client:
        """Start the client and wait until it is warm."""
        program = HERE / "clients" / f"{self.peer.module}_client.py"
        command = ["python", str(program), self.plan.measure, str(self.plan.n)]
        self.client_root = self._start(command, subprocess.PIPE, "client")
        client = Client(self.client_root)
        client.wait("READY", READY_LIMIT_SECONDS)
        return client

    def snapshot(self) -> Snapshot:
        """Read all counters. Workers that the client started count as workers, as far as they are other processes."""
        table = machine.processes()
        client = self.client_root.pid if self.client_root else 0
        workers = frozenset(self.members(table) - {client})
        return Snapshot(
            wall=time.perf_counter(),
            busy=machine.busy_seconds(),
            client=machine.cpu_seconds(table, [client]),
            workers=machine.cpu_seconds(table, workers),
            server=machine.cpu_seconds(table, self.server.processes(table) if self.server else []),
            on_server=self.server.probe.counters() if self.server else Counters(commands=0, trips=0, data_bytes=0),
            worker_pids=workers,
        )

    def members(self, table: dict[int, machine.Process]) -> set[int]:
        """Find every living process of this run."""
        roots = [process.pid for process in self._roots() if process.poll() is None]
        return machine.family(table, roots, self.mark)

    def stop(self) -> None:
        """End what this run started, and nothing else: first politely, then surely."""
        for process in self._roots():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_SECONDS
        while (members := self.members(machine.processes())) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self._roots():
            process.wait()

    def _roots(self) -> list[subprocess.Popen[str]]:
        return [*self.worker_roots, *([self.client_root] if self.client_root else [])]

    def _start(self, command: list[str], stdin: int, role: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [_program(self.peer, command[0]), *command[1:]],
            cwd=HERE / "apps",
            env=self.variables,
            stdin=stdin,
            stdout=subprocess.PIPE if role == "client" else self.log,
            stderr=self.log,
            text=True,
            start_new_session=True,
        )


def run(plan: Plan, servers: Servers) -> Record:
    """Carry out one run. What a peer does wrong is part of the record; nothing of it outlives the run."""
    peer = PEERS[plan.peer]
    try:
        if plan.measure == "import":
            return Record(plan=plan, result=_import(peer))
        server = servers.prepare(peer.store)
        with _running(plan, peer, server) as running:
            client = running.start_client()
            return _watch_idle(running, client) if plan.measure == "idle" else _measure(running, client)
    except (RunError, ServerMissingError) as error:
        return Record(plan=plan, result={}, error=str(error))


@contextmanager
def _running(plan: Plan, peer: Peer, server: Server | None) -> Generator[Run]:
    folder = HOME / "runs" / f"{plan.peer}-{plan.measure}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    logs = HOME / "logs"
    logs.mkdir(exist_ok=True)
    with (logs / f"{folder.name}.log").open("w") as log:
        running = Run(plan, peer, folder, log, server)
        try:
            running.start_workers()
            yield running
        finally:
            running.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _measure(running: Run, client: Client) -> Record:
    before = running.snapshot()
    client.go_on()
    result = client.wait("RESULT", running.plan.limit_seconds + 10)
    after = running.snapshot()
    client.go_on()
    return _record(running.plan, result, before, after)


def _watch_idle(running: Run, client: Client) -> Record:
    """Watch the workers alone, where they are processes of their own; else the process that holds them."""
    if running.worker_roots:
        client.process.kill()
        client.process.wait()
    else:
        client.go_on()
    time.sleep(SETTLE_SECONDS)
    before = running.snapshot()
    watched = before.worker_pids or frozenset([client.process.pid])
    switches = machine.context_switches(watched)
    time.sleep(running.plan.n)
    after = running.snapshot()
    seconds = after.wall - before.wall
    used = machine.memory(watched)
    result = {
        "cpu_percent": 100 * (after.workers + after.client - before.workers - before.client) / seconds,
        "switches_per_second": (machine.context_switches(watched) - switches) / seconds,
        "commands_per_second": (after.on_server.commands - before.on_server.commands) / seconds,
        "trips_per_second": (after.on_server.trips - before.on_server.trips) / seconds,
        "processes": len(watched),
        "resident_mb": used.resident_mb,
        "proportional_mb": used.proportional_mb,
        "proportional_mb_per_process": used.proportional_mb / len(watched),
    }
    return _record(running.plan, result, before, after)


def _record(plan: Plan, result: dict[str, float], before: Snapshot, after: Snapshot) -> Record:
    client, workers, server = (
        after.client - before.client,
        after.workers - before.workers,
        after.server - before.server,
    )
    foreign = after.busy - before.busy - client - workers - server
    return Record(
        plan=plan,
        result=result,
        client_cpu_seconds=client,
        worker_cpu_seconds=workers,
        server_cpu_seconds=server,
        server_commands=after.on_server.commands - before.on_server.commands,
        server_bytes=after.on_server.data_bytes - before.on_server.data_bytes,
        foreign_cores=max(0.0, foreign / (after.wall - before.wall)),
    )


def _import(peer: Peer) -> dict[str, float]:
    """Time an import in new interpreters, after one that fills the caches."""
    python = _program(peer, "python")
    program = f"from time import perf_counter as t; s = t(); {peer.imports}; print((t() - s) * 1000)"
    seconds: list[float] = []
    for _ in range(IMPORTS + 1):
        ended = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RunError(f"{peer.imports}: {(ended.stderr.strip().splitlines() or ['failed'])[-1]}")
        seconds.append(float(ended.stdout))
    return {"import_ms": min(seconds[1:])}


def _variables(plan: Plan, peer: Peer, folder: Path) -> dict[str, str]:
    # A user's interpreter caches compiled modules; without that every start would compile.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return variables | {
        "BENCH_RUN": folder.name,
        "BENCH_WORKERS": str(plan.workers),
        "BENCH_VARIANT": plan.variant,
        "BENCH_LIMIT_SECONDS": str(plan.limit_seconds),
        "BENCH_STORE": peer.store,
        "BENCH_FOLDER": str(folder),
        "PATH": f"{HOME / 'venvs' / peer.environment / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{HERE / 'apps'}:{HERE / 'clients'}",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder),
        **peer.variables,
    }


def _program(peer: Peer, name: str) -> str:
    program = HOME / "venvs" / peer.environment / "bin" / name
    if not program.exists():
        raise RunError(f"{name} is missing from the environment {peer.environment}: run benchmarks/peers.sh")
    return str(program)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RunError("the client has no pipe")
    return pipe
