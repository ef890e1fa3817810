"""The other duties of a status ledger: delays, scopes, wishes to cancel, and forgetting."""

import pytest

from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import Transition, Wait
from pynenc.invocation.status import AVAILABLE, FINAL, OWNED, InvocationStatus
from pynenc.ports import Orchestrator
from pynenc.testing.conformance.kit import NOW, OWNER, Conformance, ids, move, register, register_in
from pynenc.testing.conformance.races import race

S = InvocationStatus


def due(ledger: Orchestrator, now: float, limit: int = 100) -> list[str]:
    """The ids of what is due."""
    return [record.invocation_id for record in ledger.due(now, limit)]


class DelayDuties(Conformance):
    """Delayed invocations."""

    def test_a_delayed_one_is_due_once(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", not_before=NOW + 10)
        assert due(ledger, NOW + 9) == []
        [record] = ledger.due(NOW + 10, 5)
        assert record.not_before is None
        assert record.status is S.REGISTERED
        assert ledger.read(["inv"]) == {"inv": record}
        assert due(ledger, NOW + 99) == []

    def test_becoming_due_is_no_change_of_status(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", not_before=NOW + 10)
        ledger.due(NOW + 10, 5)
        assert len(ledger.history(["inv"])) == 1

    def test_the_limit_leaves_the_later_ones(self, ledger: Orchestrator) -> None:
        for minute, invocation_id in ((3, "third"), (1, "first"), (2, "second")):
            register(ledger, invocation_id, not_before=NOW + minute)
        assert sorted(due(ledger, NOW + 99, 2)) == ["first", "second"]
        assert due(ledger, NOW + 99, 2) == ["third"]

    def test_the_next_due_is_the_earliest(self, ledger: Orchestrator) -> None:
        assert ledger.next_due() is None
        register(ledger, "later", not_before=NOW + 20)
        register(ledger, "sooner", not_before=NOW + 10)
        register(ledger, "undelayed")
        assert ledger.next_due() == NOW + 10
        ledger.due(NOW + 10, 5)
        assert ledger.next_due() == NOW + 20

    @pytest.mark.parametrize("status", S)
    def test_only_what_is_available_is_due(self, ledger: Orchestrator, status: S) -> None:
        if status is S.REGISTERED:
            register(ledger, "inv", not_before=NOW + 10)
        else:
            before = next(each for each in S if each.can_transition_to(status))
            register_in(ledger, "inv", before)
            ledger.transition([Transition("inv", status, OWNER, None, not_before=NOW + 10)], NOW)
        assert ledger.next_due() == (NOW + 10 if status in AVAILABLE else None)
        assert due(ledger, NOW + 10) == (["inv"] if status in AVAILABLE else [])

    def test_a_dropped_one_is_never_due(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", not_before=NOW + 10)
        ledger.drop(["inv"])
        assert ledger.next_due() is None
        assert due(ledger, NOW + 10) == []

    def test_of_racing_threads_one_is_told_that_it_is_due(self, ledger: Orchestrator) -> None:
        register(ledger, *ids(50), not_before=NOW)
        found = [each for mine in race(lambda _: due(ledger, NOW, 20)) for each in mine]
        assert sorted(found) == ids(50)


class ScopeDuties(Conformance):
    """Who holds a running scope, who stands in line."""

    @pytest.mark.parametrize("status", S)
    def test_a_scope_is_its_owned_and_blocked_invocations(self, ledger: Orchestrator, status: S) -> None:
        record = register_in(ledger, "inv", status, running_key="scope")
        inside = status in OWNED or status is S.CONCURRENCY_CONTROLLED
        assert ledger.scope("scope", 5) == ([record] if inside else [])

    def test_a_scope_is_known_by_its_whole_key(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.PENDING, running_key="scope:1")
        register_in(ledger, "other", S.PENDING)
        assert ledger.scope("scope", 5) == ledger.scope("scope:", 5) == ledger.scope("scope:10", 5) == []

    def test_holders_by_claim_then_the_line_by_priority_and_age(self, ledger: Orchestrator) -> None:
        for number, priority in enumerate((0, 5, 5, -1)):
            register_in(ledger, f"line {number}", S.CONCURRENCY_CONTROLLED, running_key="scope", priority=priority)
        for later, invocation_id in ((2, "holder a"), (1, "holder b"), (3, "holder c")):
            register(ledger, invocation_id, running_key="scope")
            move(ledger, invocation_id, S.PENDING, now=NOW + later)
        move(ledger, "holder b", S.RUNNING, now=NOW + 9)
        order = ["holder b", "holder a", "holder c", "line 1", "line 2", "line 0", "line 3"]
        assert [record.invocation_id for record in ledger.scope("scope", 10)] == order
        assert [record.invocation_id for record in ledger.scope("scope", 4)] == order[:4]


class CancelDuties(Conformance):
    """Wishes to cancel, for owners to fulfil."""

    @pytest.mark.parametrize("status", S)
    def test_what_is_owned_is_marked(self, ledger: Orchestrator, status: S) -> None:
        before = register_in(ledger, "inv", status)
        expected = before._replace(cancel_requested=status in OWNED)
        assert ledger.request_cancel(["inv", "unknown"]) == ([expected] if status in OWNED else [])
        assert ledger.read(["inv"]) == {"inv": expected}

    def test_the_mark_stays_through_changes(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.RUNNING)
        ledger.request_cancel(["inv"])
        assert move(ledger, "inv", S.PAUSED, S.RESUMED).cancel_requested


class ForgettingDuties(Conformance):
    """What expires, and what dropping leaves behind: nothing."""

    @pytest.mark.parametrize("status", S)
    def test_only_what_is_final_expires(self, ledger: Orchestrator, status: S) -> None:
        register_in(ledger, "inv", status)
        assert ledger.expired(NOW + 99, 5) == (["inv"] if status in FINAL else [])

    def test_the_oldest_change_expires_first(self, ledger: Orchestrator) -> None:
        for age, invocation_id in ((2, "a"), (9, "b"), (4, "c"), (7, "d")):
            register(ledger, invocation_id, now=NOW - 100)
            move(ledger, invocation_id, S.CANCELLED, now=NOW - age)
        assert ledger.expired(NOW - 2, 10) == ["b", "d", "c"]
        assert ledger.expired(NOW, 2) == ["b", "d"]
        ledger.drop(["b", "c"])
        assert ledger.expired(NOW, 10) == ["d", "a"]

    def test_dropping_leaves_nothing(self, ledger: Orchestrator) -> None:
        fields = {"running_key": "scope", "parent_id": "parent", "workflow_id": "flow"}
        register_in(ledger, "dropped", S.RUNNING, **fields)
        ledger.add_waits([Wait("dropped", "other", "address"), Wait("other", "dropped", "address")])
        ledger.add_waits([Wait(None, "dropped", "address")])
        ledger.drop(["dropped", "unknown"])
        assert ledger.read(["dropped"]) == {}
        assert ledger.history(["dropped"]) == ledger.changes(0, 10) == []
        assert ledger.find(InvocationQuery()) == ledger.find(InvocationQuery(parent_id="parent")) == []
        assert ledger.find(InvocationQuery(workflow_id="flow")) == ledger.find(InvocationQuery(owner=OWNER)) == []
        assert ledger.count_by(["status"], InvocationQuery()) == {}
        assert ledger.scope("scope", 5) == ledger.orphans(NOW + 99, 5) == []
        assert ledger.waiting_for(["dropped", "other"]) == ledger.awaited_by(["dropped", "other"]) == []
        assert ledger.transition([Transition("dropped", S.SUCCESS, OWNER, 1)], NOW) == [None]
        assert ledger.claim(["dropped"], OWNER, NOW) == []

    def test_dropping_one_leaves_the_others(self, ledger: Orchestrator) -> None:
        register_in(ledger, "dropped", S.SUCCESS)
        kept = register_in(ledger, "kept", S.SUCCESS)
        ledger.add_waits([Wait("waiter", "kept", None)])
        history = ledger.history(["kept"])
        ledger.drop(["dropped"])
        assert ledger.read(["dropped", "kept"]) == {"kept": kept}
        assert ledger.history(["dropped", "kept"]) == history
        assert ledger.waiting_for(["kept"]) == [Wait("waiter", "kept", None)]

    def test_a_dropped_id_may_come_again(self, ledger: Orchestrator) -> None:
        for _ in range(3):
            register_in(ledger, "inv", S.SUCCESS)
            assert ledger.expired(NOW + 1, 5) == ["inv"]
            assert [record.invocation_id for record in ledger.find(InvocationQuery())] == ["inv"]
            assert len(ledger.history(["inv"])) == 1 + 3
            ledger.drop(["inv"])

    def test_purging_leaves_nothing(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", S.RUNNING, registration_key="key")
        ledger.add_waits([Wait("inv", "other", None)])
        ledger.hold_duty("duty", "holder", NOW, NOW + 9)
        ledger.purge()
        assert ledger.read(["inv"]) == {}
        assert ledger.history(["inv"]) == ledger.changes(0, 10) == []
        assert ledger.find(InvocationQuery()) == []
        assert ledger.waiting_for(["other"]) == []
        assert ledger.runners() == []
        assert ledger.duties() == {}
        register(ledger, "inv", registration_key="key")
