"""Writes the table."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness.peers import HOME, PEERS
from benchmarks.harness.run import Plan, Record
from benchmarks.plans import Row

ROOT = Path(__file__).resolve().parent.parent

#: What is shown for a figure that no run gave.
MISSING = "–"

#: Above this, other work on the machine has moved a wall-clock figure.
DISTURBED_CORES = 0.3


def table(rows: Iterable[Row], records: list[Record]) -> str:
    """Write the table with what a reader needs to judge it: where, when, with which releases, how disturbed."""
    rows = list(rows)
    lines = [
        _setting(records),
        "",
        "| | measure | ours | peers | target | reached |",
        "|---|---|--:|---|---|---|",
        *(_line(row, records) for row in rows),
    ]
    if notes := _notes(records):
        lines += ["", *notes]
    return "\n".join(lines) + "\n"


def _line(row: Row, records: list[Record]) -> str:
    ours = _median(row, row.ours, records)
    peers = [(plan, _median(row, plan, records)) for plan in row.peers]
    measured = [value for _, value in peers if value is not None]
    shown = ", ".join(f"{_name(plan)} {_number(value)}" for plan, value in peers)
    if ours is None or row.goal is None:
        reached = MISSING
    else:
        reached = "yes" if row.goal.met(ours, measured) else "**no**"
        if row.goal.times_best_peer and measured:
            reached += f" ({ours / max(measured):.1f} ×)"
    return f"| {row.target} | {row.title} | {_number(ours)} | {shown or MISSING} | {row.goal or MISSING} | {reached} |"


def _median(row: Row, plan: Plan, records: list[Record]) -> float | None:
    values = [row.figure(record) for record in records if record.plan == plan and not record.error]
    return statistics.median(values) if values else None


def _name(plan: Plan) -> str:
    return plan.peer if plan.variant == "default" else f"{plan.peer} ({plan.variant})"


def _number(value: float | None) -> str:
    """Three figures that matter, no more: the rest is noise."""
    if value is None:
        return MISSING
    if value >= 100:  # noqa: PLR2004  From here on three figures need no decimals.
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def _setting(records: list[Record]) -> str:
    passes = max((sum(other.plan == record.plan for other in records) for record in records), default=0)
    environments = sorted({PEERS[record.plan.peer].environment for record in records} - {"ours"})
    releases = ", ".join(f"{name} {_release(name)}" for name in environments)
    return (
        f"{time.strftime('%Y-%m-%d')}, commit {_commit()}, {os.cpu_count()} cores, {platform.system()}, "
        f"CPython {platform.python_version()}; peers: {releases}; medians of {passes} interleaved passes."
    )


def _release(environment: str) -> str:
    python = HOME / "venvs" / environment / "bin" / "python"
    program = f"import importlib.metadata as m; print(m.version({environment!r}))"
    ended = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "not installed"


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"


def _notes(records: list[Record]) -> list[str]:
    notes: dict[str, None] = {}
    for record in records:
        plan = record.plan
        if record.error:
            notes[f"* {_name(plan)}, {plan.measure}: no figure: {record.error}"] = None
        elif record.foreign_cores > DISTURBED_CORES:
            notes[f"* {_name(plan)}, {plan.measure}: a pass was disturbed by other work on the machine"] = None
    return list(notes)
