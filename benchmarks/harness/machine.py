"""What the operating system knows about processes: who belongs to a run, and what it used. Linux only (/proc)."""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    #: User and system time, of ended children too.
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Real memory of a group of processes; the proportional size counts shared pages once."""

    resident_mb: float
    proportional_mb: float


def processes() -> dict[int, Process]:
    """Read the process table."""
    found: dict[int, Process] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (stat := _read(folder / "stat")):
            # The second field is the program's name in brackets and may contain anything.
            fields = stat[stat.rindex(")") + 2 :].split()
            pid = int(folder.name)
            cpu_seconds = sum(map(int, fields[11:15])) / TICKS_PER_SECOND
            found[pid] = Process(pid=pid, parent=int(fields[1]), cpu_seconds=cpu_seconds)
    return found


def family(table: dict[int, Process], roots: Iterable[int], mark: str) -> set[int]:
    """Find the roots, their descendants, and every process that carries the mark in its environment.

    The mark finds what a daemon left behind when it detached itself from its parent.
    """
    marked = mark.encode() + b"\0"
    found = {pid for pid in table if marked in _read_bytes(PROC / str(pid) / "environ")}
    found |= {pid for pid in roots if pid in table}
    while more := {each.pid for each in table.values() if each.parent in found} - found:
        found |= more
    return found


def cpu_seconds(table: dict[int, Process], pids: Iterable[int]) -> float:
    """Add up the processor time of some processes."""
    return sum(table[pid].cpu_seconds for pid in pids if pid in table)


def memory(pids: Iterable[int]) -> Memory:
    """Add up the memory of some processes."""
    resident = proportional = 0
    for pid in pids:
        rollup = _read(PROC / str(pid) / "smaps_rollup")
        resident += _kilobytes("Rss", rollup)
        proportional += _kilobytes("Pss", rollup)
    return Memory(resident_mb=resident / 1024, proportional_mb=proportional / 1024)


def context_switches(pids: Iterable[int]) -> int:
    """Count how often the threads of some processes went to sleep by themselves; an idle one hardly ever wakes."""
    count = 0
    for pid in pids:
        for status in (PROC / str(pid) / "task").glob("*/status"):
            found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", _read(status), re.MULTILINE)
            count += int(found[1]) if found else 0
    return count


def busy_seconds() -> float:
    """Tell how much processor time the whole machine has used since it started."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, _read(PROC / "stat").split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND


def wait_until_quiet(limit_seconds: float, cores: float = 0.5) -> None:
    """Wait, for a limited time, for a second in which the machine used less than some cores."""
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        before = busy_seconds()
        time.sleep(1.0)
        if busy_seconds() - before < cores:
            return


def _kilobytes(name: str, rollup: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE)
    return int(found[1]) if found else 0


def _read(path: Path) -> str:
    return _read_bytes(path).decode(errors="replace")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # The process has ended, or is not ours to look at.
        return b""
