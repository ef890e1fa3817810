"""The kill storm from a command line: ``python -m benchmarks.kill_storm --seconds 75 --kills 50``.

Mixed work over the processes of one or more runners, while a random worker (``--supervisors``: a whole runner) is
killed about once a second and replaced; ``--scopes`` adds running concurrency, ``--store`` chooses another store than
SQLite (its plugins are to be installed, and the programs of its servers), ``--restarts`` restarts these in turn.
Prints figures and, for each promise, what contradicts it; fails if anything does. The fault tests run short ones.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from pynenc.testing.storm import StormPlan, run_storm
from pynenc.testing.storm_stores import STORES, storm_store


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_storm", description="Kill workers at work.")
    parser.add_argument("--seconds", type=float, default=75.0, help="how long calls are made (default: 75)")
    parser.add_argument("--kills", type=int, default=50, help="least number of kills in that time (default: 50)")
    parser.add_argument("--processes", type=int, default=4, help="worker processes of each runner (default: 4)")
    parser.add_argument("--runners", type=int, default=1, help="runners on the same store (default: 1)")
    parser.add_argument("--supervisors", action="store_true", help="kill whole runners, which others replace")
    parser.add_argument("--scopes", action="store_true", help="also tasks with running concurrency")
    parser.add_argument("--store", choices=STORES, default="sqlite", help="where the app is kept (default: sqlite)")
    parser.add_argument("--restarts", type=int, default=0, help="restarts of the store's servers (default: none)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of moments and victims (default: 0)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the database, the logs and the witness here")
    return parser.parse_args()


def main() -> int:
    """Carry out one storm."""
    given = arguments()
    with (
        tempfile.TemporaryDirectory(prefix="kill-storm-") as temporary,
        storm_store(given.store) as store,
    ):
        if given.restarts and not store.servers:
            sys.exit(f"--restarts: the store {given.store} has no server")
        plan = StormPlan(
            seconds=given.seconds,
            kills=given.kills,
            processes=given.processes,
            runners=given.runners,
            supervisors=given.supervisors,
            scopes=given.scopes,
            restarts=given.restarts,
            seed=given.seed,
            settings=store.settings,
            servers=store.servers,
        )
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        verdict = run_storm(plan, folder)
    print(verdict)
    return 0 if verdict.kept else 1


if __name__ == "__main__":
    sys.exit(main())
