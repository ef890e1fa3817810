"""The duties of a board of runners."""

import pytest

from pynenc.invocation.status import OWNED, InvocationStatus
from pynenc.ports import Orchestrator
from pynenc.testing.conformance.kit import (
    NOW,
    ODD_TEXTS,
    OWNER,
    STRANGER,
    Conformance,
    ids,
    move,
    register_in,
    runner,
)
from pynenc.testing.conformance.races import THREADS, race

S = InvocationStatus


def orphaned(ledger: Orchestrator, silent_since: float, limit: int = 10) -> list[str]:
    """The ids of orphans, sorted."""
    return sorted(record.invocation_id for record in ledger.orphans(silent_since, limit))


class RunnerDuties(Conformance):
    """What runners say of themselves, and their leases."""

    def test_runners_are_kept_as_they_say(self, ledger: Orchestrator) -> None:
        told = runner(parent_id="supervisor", queues=("mail", "default"), slots=4, version="1.2", address="address-1")
        ledger.save_runners([told])
        assert ledger.runners() == [told]
        ledger.save_runners([told._replace(slots=5, queues=())])
        assert ledger.runners() == [told._replace(slots=5, queues=())]

    def test_runners_come_in_the_order_of_their_start(self, ledger: Orchestrator) -> None:
        for started, runner_id in ((3, "a"), (1, "b"), (2, "c")):
            ledger.save_runners([runner(runner_id, started_at=NOW + started)])
        assert [each.runner_id for each in ledger.runners()] == ["b", "c", "a"]
        assert [each.runner_id for each in ledger.runners(runner_ids=["a", "unknown", "b"])] == ["b", "a"]
        assert ledger.runners(runner_ids=[]) == []

    def test_a_beat_renews_the_lease(self, ledger: Orchestrator) -> None:
        ledger.save_runners([runner("a"), runner("b"), runner("c")])
        assert ledger.beat(["a", "b", "unknown"], NOW + 9) == ["unknown"]
        assert {each.runner_id: each.last_beat for each in ledger.runners()} == {"a": NOW + 9, "b": NOW + 9, "c": NOW}
        assert ledger.beat([], NOW + 10) == []

    def test_who_beat_lately_is_alive(self, ledger: Orchestrator) -> None:
        ledger.save_runners([runner("a"), runner("b", last_beat=NOW + 5), runner("c", last_beat=NOW + 9)])
        assert [each.runner_id for each in ledger.runners(alive_since=NOW + 5)] == ["b", "c"]
        assert [each.runner_id for each in ledger.runners(alive_since=NOW + 5, runner_ids=["a", "c"])] == ["c"]

    def test_who_stopped_is_not_alive(self, ledger: Orchestrator) -> None:
        ledger.save_runners([runner("a"), runner("b")])
        ledger.retire(["a", "unknown"], NOW + 1)
        assert {each.runner_id: each.stopped_at for each in ledger.runners()} == {"a": NOW + 1, "b": None}
        assert [each.runner_id for each in ledger.runners(alive_since=NOW)] == ["b"]

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_texts_are_opaque(self, ledger: Orchestrator, text: str) -> None:
        told = runner(text, runner_cls=text, hostname=text, queues=(text, "other"), address=text)
        ledger.save_runners([told])
        assert ledger.runners(runner_ids=[text]) == [told]
        assert ledger.hold_duty(text, text, NOW, NOW + 9)
        assert ledger.duties() == {text: (text, NOW + 9)}


class OrphanDuties(Conformance):
    """Whose invocations have no living owner, and who may be forgotten."""

    @pytest.mark.parametrize("status", S)
    def test_what_an_unknown_runner_owns_is_orphaned_after_a_lease(self, ledger: Orchestrator, status: S) -> None:
        """It may be about to enter a board that was purged."""
        record = register_in(ledger, "inv", status)
        assert orphaned(ledger, record.changed_at) == []
        assert orphaned(ledger, record.changed_at + 0.1) == (["inv"] if status in OWNED else [])

    def test_what_a_living_runner_owns_is_not_orphaned(self, ledger: Orchestrator) -> None:
        ledger.save_runners([runner(OWNER), runner(STRANGER)])
        register_in(ledger, "mine", S.RUNNING)
        register_in(ledger, "other", S.PAUSED, owner=STRANGER)
        assert orphaned(ledger, NOW) == []
        ledger.beat([OWNER], NOW + 9)
        assert orphaned(ledger, NOW + 9) == ["other"]

    def test_what_a_retired_runner_owns_is_orphaned(self, ledger: Orchestrator) -> None:
        ledger.save_runners([runner()])
        record = register_in(ledger, "inv", S.RESUMED)
        ledger.retire([OWNER], NOW + 1)
        assert ledger.orphans(NOW, 10) == [record]

    def test_what_was_recovered_is_no_orphan(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.RUNNING)
        move(ledger, "inv", S.RUNNING_RECOVERY, actor=STRANGER)
        assert orphaned(ledger, NOW) == []

    def test_the_limit_leaves_the_rest(self, ledger: Orchestrator) -> None:
        limit = 3
        for invocation_id in ids(5):
            register_in(ledger, invocation_id, S.RUNNING)
        first = orphaned(ledger, NOW + 9, limit)
        assert len(first) == limit
        for invocation_id in first:
            move(ledger, invocation_id, S.RUNNING_RECOVERY)
        assert sorted(first + orphaned(ledger, NOW + 9, limit)) == ids(5)

    def test_silent_runners_are_forgotten_unless_they_own_something(self, ledger: Orchestrator) -> None:
        ledger.save_runners([runner("silent"), runner(OWNER), runner("fresh", last_beat=NOW + 5)])
        register_in(ledger, "inv", S.PENDING)
        assert ledger.forget_runners(NOW + 5) == 1
        assert {each.runner_id for each in ledger.runners()} == {OWNER, "fresh"}
        move(ledger, "inv", S.REROUTED)
        assert ledger.forget_runners(NOW + 5) == 1
        assert [each.runner_id for each in ledger.runners()] == ["fresh"]


class LeaderDuties(Conformance):
    """Which runner performs a duty of which there is one."""

    def test_a_duty_has_one_holder(self, ledger: Orchestrator) -> None:
        assert ledger.hold_duty("recover", "a", NOW, NOW + 10)
        assert not ledger.hold_duty("recover", "b", NOW + 9, NOW + 20)
        assert ledger.duties() == {"recover": ("a", NOW + 10)}

    def test_the_holder_renews(self, ledger: Orchestrator) -> None:
        assert ledger.hold_duty("recover", "a", NOW, NOW + 10)
        assert ledger.hold_duty("recover", "a", NOW + 9, NOW + 20)
        assert not ledger.hold_duty("recover", "b", NOW + 15, NOW + 30)

    def test_a_lease_that_ran_out_is_free_to_take(self, ledger: Orchestrator) -> None:
        assert ledger.hold_duty("recover", "a", NOW, NOW + 10)
        assert ledger.hold_duty("recover", "b", NOW + 11, NOW + 20)
        assert not ledger.hold_duty("recover", "a", NOW + 12, NOW + 30)

    def test_duties_are_held_one_by_one(self, ledger: Orchestrator) -> None:
        assert ledger.hold_duty("recover", "a", NOW, NOW + 10)
        assert ledger.hold_duty("purge", "b", NOW, NOW + 10)
        assert ledger.duties() == {"recover": ("a", NOW + 10), "purge": ("b", NOW + 10)}

    def test_of_racing_threads_one_holds_a_duty(self, ledger: Orchestrator) -> None:
        duties = ids(20, "duty")
        answers = race(lambda number: [ledger.hold_duty(duty, str(number), NOW, NOW + 9) for duty in duties])
        assert [sum(of_duty) for of_duty in zip(*answers, strict=True)] == [1] * len(duties)
        assert len(answers) == THREADS


class RunnerBoardConformance(RunnerDuties, OrphanDuties, LeaderDuties):
    """Everything a board of runners owes."""
