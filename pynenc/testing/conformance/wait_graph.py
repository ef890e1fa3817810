"""The duties of a wait graph."""

from itertools import pairwise

import pytest

from pynenc.invocation.record import ANY_QUEUE, Wait
from pynenc.invocation.status import AVAILABLE, InvocationStatus
from pynenc.ports import Orchestrator
from pynenc.testing.conformance.kit import ODD_TEXTS, PLACE, Conformance, ids, move, register, register_in
from pynenc.testing.conformance.races import race

S = InvocationStatus

#: As deep as a recursion of waiting tasks may well go, and deeper than an interpreter's stack.
DEPTH = 2_000


class EdgeDuties(Conformance):
    """Adding, removing and following edges."""

    def test_edges_are_seen_from_both_ends(self, ledger: Orchestrator) -> None:
        edges = [Wait("a", "x", "address-1"), Wait("b", "x", "address-2"), Wait("a", "y", None)]
        ledger.add_waits(edges)
        assert sorted(ledger.waiting_for(["x"])) == edges[:2]
        assert ledger.waiting_for(["y"]) == edges[2:]
        assert {edge.awaited_id for edge in ledger.awaited_by(["a"])} == {"x", "y"}
        assert ledger.awaited_by(["x"]) == ledger.waiting_for(["a"]) == ledger.waiting_for([]) == []

    def test_an_edge_that_is_there_stays(self, ledger: Orchestrator) -> None:
        edge, watch = Wait("a", "x", "address-1"), Wait(None, "x", "address-1")
        for _ in range(2):
            ledger.add_waits([edge, edge, watch, watch])
        assert set(ledger.waiting_for(["x"])) == {edge, watch}
        assert sorted(ledger.waiting_for(["x", "x"]), key=str) == sorted([edge, watch], key=str)

    def test_processes_watch_without_being_waiters(self, ledger: Orchestrator) -> None:
        watches = [Wait(None, "x", "address-1"), Wait(None, "x", "address-2")]
        ledger.add_waits(watches)
        assert set(ledger.waiting_for(["x"])) == set(watches)
        assert ledger.waiters_above("x", 5) == []

    def test_release_removes_and_returns(self, ledger: Orchestrator) -> None:
        released = {Wait("a", "x", "address-1"), Wait(None, "x", "address-2"), Wait("b", "y", None)}
        kept = Wait("a", "z", "address-1")
        ledger.add_waits([*released, kept])
        assert set(ledger.release(["x", "y", "unknown"])) == released
        assert ledger.release(["x", "y"]) == ledger.waiting_for(["x", "y"]) == []
        assert ledger.awaited_by(["a", "b"]) == [kept]

    def test_who_waits_no_longer_is_forgotten(self, ledger: Orchestrator) -> None:
        kept = {Wait("b", "x", None), Wait(None, "x", "address-1")}
        ledger.add_waits([Wait("a", "x", None), Wait("a", "y", None), *kept])
        ledger.forget_waiters(["a", "unknown"])
        assert set(ledger.waiting_for(["x", "y"])) == kept

    def test_of_racing_threads_one_releases_an_edge(self, ledger: Orchestrator) -> None:
        edges = [Wait(waiter, awaited, None) for waiter in ids(5, "waiter") for awaited in ids(20)]
        ledger.add_waits(edges)
        released = race(lambda _: [edge for awaited in ids(20) for edge in ledger.release([awaited])])
        assert sorted(edge for mine in released for edge in mine) == sorted(edges)

    def test_waiters_above_come_nearest_first(self, ledger: Orchestrator) -> None:
        ledger.add_waits([Wait(above, below, None) for above, below in ("ba", "ea", "cb", "fe", "dc", "gf")])
        above = ledger.waiters_above("a", 10)
        assert [set(above[:2]), set(above[2:4]), set(above[4:])] == [{"b", "e"}, {"c", "f"}, {"d", "g"}]
        assert ledger.waiters_above("d", 10) == ledger.waiters_above("unknown", 10) == []

    def test_a_waiter_on_two_ways_is_named_once(self, ledger: Orchestrator) -> None:
        ledger.add_waits([Wait("l", "x", None), Wait("r", "x", None), Wait("top", "l", None), Wait("top", "r", None)])
        assert sorted(ledger.waiters_above("x", 10)) == ["l", "r", "top"]

    def test_waits_in_a_circle_are_followed_once(self, ledger: Orchestrator) -> None:
        ledger.add_waits([Wait("a", "b", None), Wait("b", "c", None), Wait("c", "a", None)])
        assert set(ledger.waiters_above("a", 10)) - {"a"} == {"b", "c"}

    def test_a_long_chain_is_followed_to_its_end(self, ledger: Orchestrator) -> None:
        chain = ids(DEPTH)
        ledger.add_waits([Wait(above, below, None) for above, below in pairwise(chain)])
        assert ledger.waiters_above(chain[-1], DEPTH) == chain[-2::-1]
        assert ledger.waiters_above(chain[-1], 3) == chain[-2:-5:-1]

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_ids_and_addresses_are_opaque(self, ledger: Orchestrator, text: str) -> None:
        edge = Wait(text, f"to {text}", text)
        ledger.add_waits([edge])
        assert ledger.waiters_above(f"to {text}", 5) == [text]
        assert ledger.awaited_by([text]) == ledger.release([f"to {text}"]) == [edge]


class AwaitedDuties(Conformance):
    """Available invocations for which others wait."""

    @pytest.mark.parametrize("status", S)
    def test_only_what_is_available_is_named(self, ledger: Orchestrator, status: S) -> None:
        register_in(ledger, "inv", status)
        ledger.add_waits([Wait("waiter", "inv", None)])
        assert ledger.awaited_available([PLACE], 5) == (["inv"] if status in AVAILABLE else [])

    def test_it_follows_status_and_edges(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        assert ledger.awaited_available([PLACE], 5) == []
        ledger.add_waits([Wait("a", "inv", None), Wait("b", "inv", None)])
        assert ledger.awaited_available([PLACE], 5) == ["inv"]
        move(ledger, "inv", S.PENDING)
        assert ledger.awaited_available([PLACE], 5) == []
        move(ledger, "inv", S.REROUTED)
        ledger.forget_waiters(["a"])
        assert ledger.awaited_available([PLACE], 5) == ["inv"]
        ledger.release(["inv"])
        assert ledger.awaited_available([PLACE], 5) == []

    def test_a_process_that_watches_makes_nothing_urgent(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        ledger.add_waits([Wait(None, "inv", "address-1")])
        assert ledger.awaited_available([PLACE], 5) == []

    def test_edges_may_come_before_what_they_lead_to(self, ledger: Orchestrator) -> None:
        ledger.add_waits([Wait("waiter", "inv", None)])
        assert ledger.awaited_available([PLACE], 5) == []
        register(ledger, "inv")
        assert ledger.awaited_available([PLACE], 5) == ["inv"]

    def test_only_the_places_asked_for_are_looked_at(self, ledger: Orchestrator) -> None:
        register(ledger, "a")
        register(ledger, "b", lane="event_loop")
        register(ledger, "c", queue="mail")
        ledger.add_waits([Wait("waiter", each, None) for each in "abc"])
        assert ledger.awaited_available([PLACE], 5) == ["a"]
        assert sorted(ledger.awaited_available([("default", "event_loop"), ("mail", "thread")], 5)) == ["b", "c"]
        assert sorted(ledger.awaited_available([], 5)) == ["a", "b", "c"]
        assert sorted(ledger.awaited_available([(ANY_QUEUE, "thread")], 5)) == ["a", "c"]

    def test_priority_then_dependents_then_age(self, ledger: Orchestrator) -> None:
        register(ledger, "1 old", "2 new", "3 wanted", "waiter", "waiter too")
        register(ledger, "4 high", priority=5)
        register(ledger, "0 low", priority=-5)
        waits = [Wait("waiter", each, None) for each in ("2 new", "1 old", "4 high", "3 wanted", "0 low")]
        ledger.add_waits([*waits, Wait("waiter too", "3 wanted", None)])
        order = ["4 high", "3 wanted", "0 low", "1 old", "2 new"]
        assert ledger.awaited_available([PLACE], 10) == order
        assert ledger.awaited_available([PLACE], 2) == order[:2]

    def test_the_priority_of_a_waiter_is_inherited(self, ledger: Orchestrator) -> None:
        register(ledger, "a", "b", "waiter")
        register(ledger, "urgent waiter", priority=50)
        ledger.add_waits([Wait("waiter", "a", None), Wait("urgent waiter", "b", None)])
        assert ledger.awaited_available([PLACE], 10) == ["b", "a"]


class PausedCallDuties(Conformance):
    """Waiting invocations by their arguments, for who looks for a call that repeats itself."""

    @pytest.mark.parametrize("status", S)
    def test_only_what_is_paused_is_named(self, ledger: Orchestrator, status: S) -> None:
        record = register_in(ledger, "inv", status, args_id="args-2")
        assert ledger.paused_calls(["args-2"]) == ([record] if status is S.PAUSED else [])

    def test_it_follows_the_status(self, ledger: Orchestrator) -> None:
        register_in(ledger, "a", S.PAUSED)
        register_in(ledger, "b", S.PAUSED)
        register_in(ledger, "c", S.PAUSED, args_id="args-2")
        register_in(ledger, "d", S.PAUSED, args_id="args-3")
        asked = ["args-1", "args-2", "args-1", "unknown"]
        assert sorted(record.invocation_id for record in ledger.paused_calls(asked)) == ["a", "b", "c"]
        move(ledger, "a", S.RESUMED)
        ledger.drop(["b"])
        assert [record.invocation_id for record in ledger.paused_calls(asked)] == ["c"]
        assert ledger.paused_calls([]) == []


class WaitGraphConformance(EdgeDuties, AwaitedDuties, PausedCallDuties):
    """Everything a wait graph owes."""
