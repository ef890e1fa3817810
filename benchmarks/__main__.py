"""Carries out the runs and prints the table. `./dev bench` makes the peers' environments first."""

import argparse
import sys
from pathlib import Path

from benchmarks.harness import machine
from benchmarks.harness.peers import HOME, PEERS
from benchmarks.harness.run import Plan, Record, run
from benchmarks.harness.servers import Servers
from benchmarks.plans import Row
from benchmarks.report import table
from benchmarks.targets import ROWS

#: How long a run may be held back until the machine is quiet.
QUIET_LIMIT_SECONDS = 10.0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    targets = list(dict.fromkeys(row.target for row in ROWS))
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure Pynenc side by side with its peers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"measure these alone: {' '.join(targets)}")
    parser.add_argument("--passes", type=int, default=3, help="interleaved passes; medians are shown (default: 3)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table to this file, too")
    parser.add_argument("--one", nargs=3, metavar=("PEER", "MEASURE", "N"), help="one run instead; prints its record")
    parser.add_argument("--workers", type=int, default=1, help="with --one: worker processes (default: 1)")
    parser.add_argument("--variant", default="default", help="with --one: settings of the peer (default, tuned)")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(targets):
        parser.error(f"unknown target {', '.join(sorted(unknown))}; there are: {' '.join(targets)}")
    if given.one and given.one[0] not in PEERS:
        parser.error(f"unknown peer {given.one[0]}; there are: {' '.join(PEERS)}")
    return given


def measure(rows: list[Row], passes: int, servers: Servers) -> list[Record]:
    """Carry out every plan once a pass, so that a slow minute of the machine hits all peers alike."""
    plans = list(dict.fromkeys(plan for row in rows for plan in row.plans))
    records: list[Record] = []
    for number in range(1, passes + 1):
        for plan in plans:
            machine.wait_until_quiet(QUIET_LIMIT_SECONDS)
            record = run(plan, servers)
            keep(record)
            records.append(record)
            print(f"[{number}/{passes}] {plan.peer} {plan.variant} {plan.measure}: {_brief(record)}", file=sys.stderr)
    return records


def keep(record: Record) -> None:
    """Append a record to the file of all results."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "results.jsonl").open("a") as results:
        results.write(record.as_json() + "\n")


def _brief(record: Record) -> str:
    return record.error or ", ".join(f"{name} {value:.4g}" for name, value in record.result.items())


def main() -> int:
    """Do what the command line asks."""
    given = arguments()
    with Servers() as servers:
        return carry_out(given, servers)


def carry_out(given: argparse.Namespace, servers: Servers) -> int:
    """Carry out one run, or those of a table."""
    if given.one:
        peer, name, n = given.one
        record = run(Plan(peer=peer, measure=name, n=int(n), workers=given.workers, variant=given.variant), servers)
        keep(record)
        print(record.as_json())
        return 1 if record.error else 0

    rows = [row for row in ROWS if not given.targets or row.target in given.targets]
    text = table(rows, measure(rows, given.passes, servers))
    print(text, end="")
    if given.save:
        given.save.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
