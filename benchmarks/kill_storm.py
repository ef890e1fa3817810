"""The kill storm from a command line: ``python -m benchmarks.kill_storm --seconds 75 --kills 50``.

Mixed work over the processes of one or more runners on SQLite, while a random worker (``--supervisors``: a whole
runner) is killed about once a second and replaced; ``--scopes`` adds running concurrency. Prints figures and, for each
promise, what contradicts it; fails if anything does. The fault tests run a short one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from pynenc.testing.storm import StormPlan, run_storm


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_storm", description="Kill workers at work.")
    parser.add_argument("--seconds", type=float, default=75.0, help="how long calls are made (default: 75)")
    parser.add_argument("--kills", type=int, default=50, help="least number of kills in that time (default: 50)")
    parser.add_argument("--processes", type=int, default=4, help="worker processes of each runner (default: 4)")
    parser.add_argument("--runners", type=int, default=1, help="runners on the same store (default: 1)")
    parser.add_argument("--supervisors", action="store_true", help="kill whole runners, which others replace")
    parser.add_argument("--scopes", action="store_true", help="also tasks with running concurrency")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of moments and victims (default: 0)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the database, the logs and the witness here")
    return parser.parse_args()


def main() -> int:
    """Carry out one storm."""
    given = arguments()
    plan = StormPlan(
        seconds=given.seconds,
        kills=given.kills,
        processes=given.processes,
        runners=given.runners,
        supervisors=given.supervisors,
        scopes=given.scopes,
        seed=given.seed,
    )
    with tempfile.TemporaryDirectory(prefix="kill-storm-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        verdict = run_storm(plan, folder)
    print(verdict)
    return 0 if verdict.kept else 1


if __name__ == "__main__":
    sys.exit(main())
