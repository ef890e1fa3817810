"""A workflow survives the death of its worker at every step, and the stop of everything while it sleeps."""

from collections import Counter
from pathlib import Path

import pytest
import workflow_tasks
from workflow_tasks import STEPS

from pynenc import Pynenc
from pynenc.invocation import DistributedInvocation, InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import SETUPS, RunnerProcess, build_app, installed
from pynenc.testing.history import check_all_histories

DEADLINE_SECONDS = 60.0


@pytest.fixture
def app(tmp_path):
    made = build_app(
        SETUPS["sqlite-persistent-process"],
        tmp_path,
        slots=1,
        max_recoveries=1000,
        lease_seconds=6,
        sweep_grace_seconds=1,
    )
    with installed(made, workflow_tasks):
        yield made
        check_all_histories(made)
    made.close()


def steps(folder: Path) -> Counter[str]:
    path = folder / "steps"
    return Counter(path.read_text().split() if path.exists() else ())


def plan(folder: Path, *places: str) -> str:
    """A folder for a run, with the places at which it is to die."""
    folder.mkdir()
    for place in places:
        (folder / f"die-{place}").touch()
    return str(folder)


def undisturbed(app: Pynenc, folder: Path) -> list[object]:
    """What a run comes to, without its random numbers, which each has of its own."""
    result = workflow_tasks.long_way(plan(folder)).result_within(DEADLINE_SECONDS)
    assert steps(folder) == Counter({str(number): 1 for number in range(1, STEPS + 1)})
    return result


def plain(result: list[object]) -> list[object]:
    return [value for value in result if not isinstance(value, float)]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("where", ["before", "in", "after"])
def test_killed_at_each_of_fifty_steps(app, tmp_path, where):
    """One run for each step, killed there; and one that is killed at all of them, one after the other."""
    functions = [number for number in range(1, STEPS + 1) if where == "after" or number % 5]
    with RunnerProcess(app, tmp_path):
        expected = plain(undisturbed(app, tmp_path / "undisturbed"))
        runs: dict[int, DistributedInvocation[list[object]]] = {
            number: workflow_tasks.long_way(plan(tmp_path / f"run-{number}", f"{where}-{number}"))
            for number in functions
        }
        everywhere = plan(tmp_path / "everywhere", *(f"{where}-{number}" for number in functions))
        battered = workflow_tasks.long_way(everywhere)
        for number, run in runs.items():
            assert plain(run.result_within(DEADLINE_SECONDS)) == expected
            # Others on the same worker died with it, while they waited or had not begun.
            assert run.record.recoveries >= 1, f"killed {where} step {number}"
            twice = {str(number)} if where == "in" else set()
            counted = steps(tmp_path / f"run-{number}")
            assert counted == Counter({str(n): 2 if str(n) in twice else 1 for n in range(1, STEPS + 1)})
        assert plain(battered.result_within(DEADLINE_SECONDS)) == expected
        history = app.state_backend.get_history(battered.invocation_id)
        assert [each.status for each in history].count(InvocationStatus.RUNNING_RECOVERY) >= len(functions)
        # Its record counts those since it last got further.
        assert battered.record.recoveries < len(functions)
        counted = steps(tmp_path / "everywhere")
        assert counted == Counter({str(n): 2 if where == "in" and n in functions else 1 for n in range(1, STEPS + 1)})


def test_sleeping_while_everything_is_stopped(app, tmp_path):
    invocation = workflow_tasks.sleeper(plan(tmp_path / "run"), 3.0)
    with RunnerProcess(app, tmp_path):
        wait_until(lambda: invocation.status is InvocationStatus.REROUTED, DEADLINE_SECONDS, "the workflow to sleep")
    assert steps(tmp_path / "run") == {"before": 1}
    assert not app.orchestrator.get_active_runners()
    with RunnerProcess(app, tmp_path):
        slept = invocation.result_within(DEADLINE_SECONDS)
    assert slept >= 3.0
    assert steps(tmp_path / "run") == {"before": 1, "after": 1}
    assert invocation.record.recoveries == 0
