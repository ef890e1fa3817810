"""When short tasks start together, and when a worker lets calls gather."""

from pynenc.runner.pace import FIRST_TRY_STEPS, GATHER_LONGEST_SECONDS, GATHER_SECONDS, GROUP_LIMIT, Gathering, Pace


def test_a_task_is_short_as_long_as_its_average_is() -> None:
    pace = Pace(0.05)
    assert "tasks.add" not in pace.short_tasks

    pace.observe("tasks.add", 0.0001)
    assert "tasks.add" in pace.short_tasks

    pace.observe("tasks.add", 1.0)
    assert "tasks.add" not in pace.short_tasks


def test_short_tasks_start_in_groups_and_long_ones_alone() -> None:
    pace = Pace(0.05)
    pace.observe("tasks.add", 0.0)
    assert pace.start_at_once() == GROUP_LIMIT

    pace.observe("tasks.sleep", 1.0)
    assert pace.start_at_once() == 1


def test_nothing_starts_in_groups_where_each_may_run_only_once() -> None:
    pace = Pace(0.05, grouping=False)
    pace.observe("tasks.add", 0.0)
    assert pace.start_at_once() == 1


def test_of_short_tasks_no_more_are_claimed_than_start_at_once() -> None:
    pace = Pace(0.05)
    assert pace.claim_ahead(slots=1) == 1

    pace.observe("tasks.add", 0.0)
    assert pace.claim_ahead(slots=1) == pace.start_at_once() == GROUP_LIMIT

    pace = Pace(0.05)
    pace.observe("tasks.render", 0.005)
    assert pace.claim_ahead(slots=4) == 39


def test_who_must_not_claim_ahead_claims_one() -> None:
    pace = Pace(0.0)
    pace.observe("tasks.add", 0.0)
    assert pace.claim_ahead(slots=8) == 1


def test_where_work_is_left_in_the_queue_nobody_gathers() -> None:
    gathering = Gathering(enabled=True)
    for _ in range(FIRST_TRY_STEPS):
        gathering.stepped(10.0, claimed=GROUP_LIMIT, finished=GROUP_LIMIT, awaited=False, more=True)
    assert gathering.pause(10.0) == 0

    gathering.stepped(10.0, claimed=1, finished=1, awaited=False)
    assert gathering.pause(10.0) > 0


def test_a_worker_gathers_while_nobody_waits_for_what_it_finishes() -> None:
    gathering = Gathering(enabled=True)
    for _ in range(FIRST_TRY_STEPS):
        gathering.stepped(10.0, claimed=0, finished=1, awaited=False)

    assert 0 < gathering.pause(10.0) <= GATHER_SECONDS
    assert gathering.pause(10.0 + GATHER_SECONDS) == 0

    gathering.stepped(10.0, claimed=1, finished=1, awaited=True)
    assert gathering.pause(10.0) == 0


def test_a_caller_that_waits_each_time_is_hardly_ever_kept_waiting() -> None:
    gathering = Gathering(enabled=True)
    pauses = 0
    for _ in range(1_000):
        pauses += gathering.pause(10.0) > 0
        gathering.stepped(10.0, claimed=1, finished=1, awaited=True)

    assert pauses < 15


def test_where_a_store_is_not_shared_nobody_gathers() -> None:
    gathering = Gathering(enabled=False)
    for _ in range(FIRST_TRY_STEPS):
        gathering.stepped(10.0, claimed=0, finished=1, awaited=False)

    assert gathering.pause(10.0) == 0


def test_the_longer_a_step_takes_the_more_gathers_before_the_next_one_unless_somebody_waits() -> None:
    gathering = Gathering(enabled=True)
    for _ in range(50):
        gathering.stepped(10.0, claimed=2, finished=1, awaited=False, seconds=0.002)
    assert GATHER_SECONDS < gathering.pause(10.0) <= 4 * 0.002

    for _ in range(50):
        gathering.stepped(10.0, claimed=2, finished=1, awaited=False, seconds=1.0)
    assert gathering.pause(10.0) == GATHER_LONGEST_SECONDS

    gathering.stepped(10.0, claimed=2, finished=1, awaited=True, seconds=1.0)
    assert gathering.pause(10.0) <= GATHER_SECONDS
