"""What processes use, for tests about resources."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil


def processes_below(pid: int) -> list[psutil.Process]:
    """A process and all that it has started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Time on the processor, in user code and in the system."""
    times = [process.cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


def proportional_mib(pid: int | None = None) -> float:
    """Memory of a process in MiB, with its share of what it shares."""
    for line in Path(f"/proc/{pid or os.getpid()}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not tell")


def report(name: str, **figures: Any) -> None:
    """Add figures to the file that the environment names, if it does."""
    path = os.environ.get("BENCH_JSON")
    if path:
        file = Path(path)
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, name: figures}, indent=2, sort_keys=True) + "\n")
