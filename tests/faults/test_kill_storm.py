"""Short kill storms; ``benchmarks/kill_storm.py`` makes long ones."""

from pathlib import Path

import pytest

from pynenc.testing.storm import StormPlan, run_storm


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(StormPlan(seconds=12, kills=12), id="workers"),
        pytest.param(StormPlan(seconds=6, kills=6, processes=2, runners=2, scopes=True), id="workers-with-scopes"),
        pytest.param(
            StormPlan(seconds=8, kills=4, processes=2, runners=2, scopes=True, supervisors=True), id="supervisors"
        ),
    ],
)
def test_every_promise_is_kept_in_a_storm(plan: StormPlan, tmp_path: Path) -> None:
    verdict = run_storm(plan, tmp_path)
    assert verdict.kept, str(verdict)
    assert verdict.kills >= plan.kills
    assert verdict.recoveries
