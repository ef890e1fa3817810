"""The duties of ``StatusLedger.transition``, and of the history that every write of a status leaves."""

import pytest

from pynenc.invocation.record import InvocationRecord, Transition
from pynenc.invocation.status import OWNED, InvocationStatus, check_history, get_status_definition
from pynenc.ports import Orchestrator
from pynenc.testing.conformance.kit import (
    CLIENT,
    NOW,
    OWNER,
    STRANGER,
    Conformance,
    move,
    register,
    register_in,
)
from pynenc.testing.conformance.races import race

S = InvocationStatus

#: A life with everything in it: a wait, a retry, a recovery.
LONG_LIFE = (
    *(S.REGISTERED, S.CONCURRENCY_CONTROLLED, S.REROUTED, S.PENDING, S.RUNNING, S.PAUSED, S.RESUMED, S.RETRY),
    *(S.PENDING, S.PENDING_RECOVERY, S.REROUTED, S.PENDING, S.RUNNING, S.RUNNING_RECOVERY, S.REROUTED),
    *(S.PENDING, S.RUNNING, S.SUCCESS),
)


class TransitionDuties(Conformance):
    """Compare-and-set on (status, owner, attempt)."""

    @pytest.mark.parametrize("status", S)
    def test_the_table_decides(self, ledger: Orchestrator, status: S) -> None:
        before = {target: register_in(ledger, f"to {target}", status) for target in S}
        changes = [Transition(f"to {target}", target, OWNER, before[target].attempt) for target in S]
        after = dict(zip(S, ledger.transition(changes, NOW + 1), strict=True))
        assert {target for target in S if after[target]} == {target for target in S if status.can_transition_to(target)}
        kept = ledger.read([change.invocation_id for change in changes])
        for target in S:
            assert kept[f"to {target}"] == (after[target] or before[target])

    @pytest.mark.parametrize("status", sorted(OWNED))
    def test_what_is_owned_is_moved_by_its_owner_or_recovered(self, ledger: Orchestrator, status: S) -> None:
        targets = [target for target in S if status.can_transition_to(target)]
        for target in targets:
            register_in(ledger, f"to {target}", status)
        changes = [Transition(f"to {target}", target, STRANGER, None) for target in targets]
        moved = {record.status for record in ledger.transition(changes, NOW) if record is not None}
        assert moved == {target for target in targets if get_status_definition(target).overrides_ownership}

    @pytest.mark.parametrize("status", sorted(set(S) - OWNED))
    def test_what_nobody_owns_is_moved_by_anybody(self, ledger: Orchestrator, status: S) -> None:
        targets = [target for target in S if status.can_transition_to(target)]
        for target in targets:
            register_in(ledger, f"to {target}", status)
        changes = [Transition(f"to {target}", target, STRANGER, None) for target in targets]
        assert None not in ledger.transition(changes, NOW)

    def test_the_record_after_the_change_is_returned_and_kept(self, ledger: Orchestrator) -> None:
        before = register_in(ledger, "inv", S.PENDING)
        change = Transition("inv", S.RUNNING, OWNER, 1)
        assert ledger.transition([change], NOW + 1) == [before._replace(status=S.RUNNING, changed_at=NOW + 1)]
        assert ledger.read(["inv"])["inv"] == before._replace(status=S.RUNNING, changed_at=NOW + 1)

    def test_a_change_is_done_for_one_attempt(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.PENDING)
        move(ledger, "inv", S.REROUTED, S.PENDING)
        for attempt, refused in ((1, True), (3, True), (0, True), (2, False)):
            [after] = ledger.transition([Transition("inv", S.RUNNING, OWNER, attempt)], NOW)
            assert (after is None) == refused

    def test_a_stale_attempt_is_refused_also_to_the_same_runner(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.RUNNING)
        move(ledger, "inv", S.RUNNING_RECOVERY, S.REROUTED, actor=STRANGER)
        move(ledger, "inv", S.PENDING, S.RUNNING)
        assert ledger.transition([Transition("inv", S.SUCCESS, OWNER, 1)], NOW) == [None]
        assert ledger.read(["inv"])["inv"].status is S.RUNNING

    def test_answers_stand_at_the_places_of_their_changes(self, ledger: Orchestrator) -> None:
        register_in(ledger, "a", S.PENDING)
        register_in(ledger, "b", S.PENDING)
        changes = [
            Transition("unknown", S.RUNNING, OWNER, 1),
            Transition("a", S.RUNNING, OWNER, 1),
            Transition("b", S.SUCCESS, OWNER, 1),
            Transition("a", S.RUNNING, OWNER, 1),
            Transition("a", S.SUCCESS, OWNER, 1),
            Transition("b", S.RUNNING, OWNER, 1),
        ]
        answers = [record and (record.invocation_id, record.status) for record in ledger.transition(changes, NOW)]
        assert answers == [None, ("a", S.RUNNING), None, None, ("a", S.SUCCESS), ("b", S.RUNNING)]
        assert ledger.transition([], NOW) == []

    def test_a_refused_change_leaves_no_trace(self, ledger: Orchestrator) -> None:
        before = register_in(ledger, "inv", S.RUNNING, not_before=NOW + 1)
        last = ledger.last_change()
        refused = [
            Transition("inv", S.SUCCESS, STRANGER, 1, NOW + 9, 1, 1),
            Transition("inv", S.SUCCESS, OWNER, 2, NOW + 9, 1, 1),
            Transition("inv", S.REGISTERED, OWNER, 1, NOW + 9, 1, 1),
        ]
        assert ledger.transition(refused, NOW + 1) == [None, None, None]
        assert ledger.read(["inv"]) == {"inv": before}
        assert ledger.last_change() == last

    def test_pending_counts_the_attempt_and_sets_the_owner(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", running_key="scope")
        [record] = ledger.transition([Transition("inv", S.PENDING, OWNER, None)], NOW + 1)
        assert record is not None
        assert (record.owner, record.attempt, record.claimed_at) == (OWNER, 1, NOW + 1)

    @pytest.mark.parametrize("status", S)
    def test_ownership_follows_the_table(self, ledger: Orchestrator, status: S) -> None:
        record = register_in(ledger, "inv", status)
        assert record.owner == (OWNER if status in OWNED else None)

    def test_every_change_sets_or_clears_the_delay(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.RUNNING)
        [delayed] = ledger.transition([Transition("inv", S.RETRY, OWNER, 1, not_before=NOW + 30)], NOW)
        assert delayed is not None
        assert delayed.not_before == ledger.next_due() == NOW + 30
        assert move(ledger, "inv", S.CONCURRENCY_CONTROLLED).not_before is None
        assert ledger.next_due() is None

    def test_retries_and_recoveries_add_up(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.RUNNING)
        changes = [
            Transition("inv", S.RETRY, OWNER, 1, retries=1),
            Transition("inv", S.PENDING, OWNER, None),
            Transition("inv", S.RUNNING, OWNER, 2),
            Transition("inv", S.RUNNING_RECOVERY, STRANGER, 2, recoveries=1),
            Transition("inv", S.REROUTED, STRANGER, None),
            Transition("inv", S.PENDING, OWNER, None),
            Transition("inv", S.RUNNING, OWNER, 3),
            Transition("inv", S.RETRY, OWNER, 3, retries=1),
        ]
        last = ledger.transition(changes, NOW)[-1]
        assert last is not None
        assert (last.attempt, last.retries, last.recoveries) == (3, 2, 1)

    def test_of_racing_threads_one_makes_a_change(self, ledger: Orchestrator) -> None:
        for number in range(20):
            register_in(ledger, str(number), S.RUNNING)

        def finish_all(thread: int) -> list[InvocationRecord | None]:
            target = (S.SUCCESS, S.FAILED, S.RETRY)[thread % 3]
            return [ledger.transition([Transition(str(n), target, OWNER, 1)], NOW)[0] for n in range(20)]

        for number, answers in enumerate(zip(*race(finish_all), strict=True)):
            [winner] = [record for record in answers if record is not None]
            assert ledger.read([str(number)]) == {str(number): winner}


class HistoryDuties(Conformance):
    """What is recorded of every write of a status."""

    def test_history_is_complete_and_legal(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        move(ledger, "inv", *LONG_LIFE[1:])
        statuses = [entry.status for entry in ledger.history(["inv"])]
        assert statuses == list(LONG_LIFE)
        check_history(statuses)

    def test_history_tells_who_did_what_for_which_attempt(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        move(ledger, "inv", S.PENDING, S.RUNNING, now=NOW + 1)
        move(ledger, "inv", S.RUNNING_RECOVERY, S.REROUTED, actor=STRANGER, now=NOW + 2)
        told = [(entry.actor, entry.owner, entry.attempt) for entry in ledger.history(["inv"])]
        assert told == [
            (CLIENT, None, 0),
            (OWNER, OWNER, 1),
            (OWNER, OWNER, 1),
            (STRANGER, None, 1),
            (STRANGER, None, 1),
        ]

    def test_the_last_entry_agrees_with_the_record(self, ledger: Orchestrator) -> None:
        for status in S:
            record = register_in(ledger, status, status)
            last = ledger.history([status])[-1]
            assert last[2:] == (record.status, last.actor, record.owner, record.attempt, record.changed_at)

    def test_the_time_of_change_grows_when_the_clock_stands_or_goes_back(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", now=NOW)
        for step, status in enumerate(LONG_LIFE[1:]):
            move(ledger, "inv", status, now=NOW - 5 if step % 2 else NOW)
        times = [entry.timestamp for entry in ledger.history(["inv"])]
        assert times == sorted(set(times))
        assert times[-1] < NOW + 1
        assert ledger.read(["inv"])["inv"].changed_at == times[-1]

    def test_the_time_of_change_follows_the_clock(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", now=NOW)
        for step, status in enumerate(LONG_LIFE[1:], start=1):
            assert move(ledger, "inv", status, now=NOW + step).changed_at == NOW + step

    def test_histories_of_several_come_in_the_order_of_writing(self, ledger: Orchestrator) -> None:
        register(ledger, "b", "a", "c")
        move(ledger, "a", S.PENDING)
        move(ledger, "b", S.PENDING)
        history = ledger.history(["a", "b", "unknown", "a"])
        assert [entry.invocation_id for entry in history] == ["b", "a", "a", "b"]
        sequences = [entry.sequence for entry in history]
        assert sequences == sorted(set(sequences))
        assert ledger.history([]) == []
