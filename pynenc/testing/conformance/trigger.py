"""The duties of a store of triggers."""

from typing import Any

from pynenc.ports import Backend, Trigger
from pynenc.ports.trigger import Evaluation, Firing, NewOccurrence, StoredDefinition, WaitingToken
from pynenc.testing.conformance.kit import NOW, Conformance
from pynenc.testing.conformance.races import THREADS, race


def definition(name: str, text: str = "{}") -> StoredDefinition:
    """A definition of a sample task."""
    return StoredDefinition(name, "module.task", text, NOW)


def happened(key: str, source: str = "event:made", **fields: Any) -> NewOccurrence:
    """An event."""
    return NewOccurrence(key, source, NOW)._replace(**fields)


def token(key: str, of: str = "d1", at: float = NOW) -> WaitingToken:
    """An occurrence that waits for others."""
    return WaitingToken(key, of, "/0", "[]", at)


def firing(name: str, of: str = "d1", *, call: str | None = "{}", at: float = NOW) -> Firing:
    """A firing, unsettled unless there is no call."""
    return Firing(name, of, "module.task", at, "[]", None, None, call)


class TriggerDefinitionsConformance(Conformance):
    """Everything a store of definitions owes."""

    def test_definitions_come_and_go(self, trigger: Trigger) -> None:
        assert trigger.definitions() == []
        assert trigger.change_definitions([definition("d2"), definition("d1", "naïve")], [])
        assert trigger.definitions() == [definition("d1", "naïve"), definition("d2")]
        assert trigger.change_definitions([definition("d3")], ["d1", "unknown"])
        assert [each.definition_id for each in trigger.definitions()] == ["d2", "d3"]

    def test_the_version_changes_with_them_and_only_then(self, trigger: Trigger) -> None:
        first = trigger.version()
        assert trigger.change_definitions([definition("d1")], [])
        second = trigger.version()
        assert second != first
        assert not trigger.change_definitions([definition("d1")], ["unknown"])
        assert not trigger.change_definitions([], [])
        assert trigger.version() == second
        assert trigger.definitions() == [definition("d1")], "one that is there stays as it is"
        assert trigger.change_definitions([definition("d1", "other")._replace(registered_at=NOW + 9)], [])
        assert trigger.definitions() == [definition("d1", "other")], "its text alone is replaced"
        third = trigger.version()
        assert third not in (first, second)
        trigger.change_definitions([], ["d1"])
        assert trigger.version() not in (first, second, third)

    def test_marks_are_compared_and_set(self, trigger: Trigger) -> None:
        assert not trigger.advance_mark("d1/0", NOW, NOW + 1)
        assert trigger.advance_mark("d1/0", None, NOW)
        assert not trigger.advance_mark("d1/0", None, NOW + 1)
        assert not trigger.advance_mark("d1/0", NOW + 1, NOW + 2)
        assert trigger.advance_mark("d1/0", NOW, NOW + 60.5)
        assert trigger.advance_mark("d1/1", None, NOW)
        assert trigger.marks() == {"d1/0": NOW + 60.5, "d1/1": NOW}

    def test_of_many_who_advance_a_mark_one_does(self, trigger: Trigger) -> None:
        assert sum(race(lambda _: trigger.advance_mark("d1/0", None, NOW))) == 1
        assert sum(race(lambda _: trigger.advance_mark("d1/0", NOW, NOW + 60))) == 1

    def test_a_definition_takes_its_marks_and_tokens_with_it(self, trigger: Trigger) -> None:
        trigger.change_definitions([definition("d1"), definition("d10")], [])
        for name in ("d1", "d10"):
            trigger.advance_mark(f"{name}/0", None, NOW)
            trigger.complete(trigger.turn(), Evaluation(waiting=[token(f"t-{name}", name)]))
        trigger.change_definitions([], ["d1"])
        assert trigger.marks() == {"d10/0": NOW}
        assert trigger.waiting(["d1", "d10"]) == [token("t-d10", "d10")]

    def test_purging_is_a_change(self, trigger: Trigger) -> None:
        trigger.change_definitions([definition("d1")], [])
        before = trigger.version()
        trigger.purge()
        assert trigger.definitions() == []
        assert trigger.version() != before

    def test_others_see_it(self, trigger: Trigger, second_view: Backend) -> None:
        trigger.change_definitions([definition("d1")], [])
        assert second_view.trigger.version() == trigger.version()
        assert second_view.trigger.definitions() == [definition("d1")]


class OccurrenceLogConformance(Conformance):
    """Everything a log of occurrences owes."""

    def test_what_happened_is_kept_in_order(self, trigger: Trigger) -> None:
        status = happened("i#1#success", "task:m.f:success", invocation_id="i", attempt=1, status="success")
        assert trigger.record([happened("e1", data='{"x": "naïve"}'), status]) == 2
        assert trigger.record([happened("e0")]) == 1
        log = trigger.after(0, 10)
        assert [tuple(each)[1:] for each in log] == [
            ("e1", "event:made", NOW, '{"x": "naïve"}', None, None, None),
            ("i#1#success", "task:m.f:success", NOW, "", "i", 1, "success"),
            ("e0", "event:made", NOW, "", None, None, None),
        ]
        positions = [each.position for each in log]
        assert positions == sorted(set(positions))
        assert positions[0] > 0
        assert trigger.pending(10) == log
        assert trigger.pending(2) == log[:2]
        assert trigger.read(["e0", "unknown"]) == {"e0": log[2]}
        assert trigger.read([]) == {}

    def test_the_same_key_again_is_passed_over(self, trigger: Trigger) -> None:
        assert trigger.record([happened("e1"), happened("e1", data="other"), happened("e2")]) == 2
        assert trigger.record([happened("e1", data="other")]) == 0
        trigger.complete(trigger.turn(), Evaluation(handled=["e1"]))
        assert trigger.record([happened("e1")]) == 0
        assert [each.key for each in trigger.pending(10)] == ["e2"]
        assert trigger.read(["e1"])["e1"].data == ""

    def test_it_can_be_followed(self, trigger: Trigger) -> None:
        trigger.record([happened(f"e{n}", "event:a" if n % 2 else "event:b") for n in range(6)])
        first = trigger.after(0, 2)
        rest = trigger.after(first[-1].position, 10)
        assert [each.key for each in [*first, *rest]] == [f"e{n}" for n in range(6)]
        assert [each.key for each in trigger.after(0, 2, "event:a")] == ["e1", "e3"]
        assert [each.key for each in trigger.after(first[-1].position, 10, "event:b")] == ["e2", "e4"]
        assert trigger.after(rest[-1].position, 10) == []

    def test_handled_ones_can_still_be_read(self, trigger: Trigger) -> None:
        trigger.record([happened("e1")])
        trigger.complete(trigger.turn(), Evaluation(handled=["e1"]))
        assert trigger.pending(10) == []
        assert [each.key for each in trigger.after(0, 10)] == ["e1"]

    def test_what_did_not_happen_is_withdrawn(self, trigger: Trigger) -> None:
        trigger.record([happened("e1")])
        [before] = trigger.after(0, 10)
        trigger.withdraw(["e1", "unknown"])
        assert trigger.after(0, 10) == trigger.pending(10) == []
        assert trigger.record([happened("e1")]) == 1
        assert trigger.after(before.position, 10) != [], "its position is not used again"

    def test_old_ones_are_forgotten_unless_pending(self, trigger: Trigger) -> None:
        trigger.record([happened("old"), happened("old-pending"), happened("new", at=NOW + 10)])
        waiting = [token("t-old"), token("t-new", at=NOW + 10)]
        fired = [firing("f-old", call=None), firing("f-unsettled"), firing("f-new", call=None, at=NOW + 10)]
        trigger.complete(trigger.turn(), Evaluation(["old", "new"], (), waiting, fired))
        last = trigger.after(0, 10)[-1].position
        assert trigger.forget(NOW + 5) == 1
        assert [each.key for each in trigger.after(0, 10)] == ["old-pending", "new"]
        assert [each.key for each in trigger.waiting(["d1"])] == ["t-new"]
        assert {each.firing_id for each in trigger.firings(10)} == {"f-unsettled", "f-new"}
        trigger.complete(trigger.turn(), Evaluation(["old-pending"]))
        assert trigger.forget(NOW + 50) == 2
        trigger.record([happened("newer")])
        assert [each.key for each in trigger.after(last, 10)] == ["newer"]

    def test_dropping_what_waits_is_a_turn(self, trigger: Trigger) -> None:
        trigger.complete(trigger.turn(), Evaluation(waiting=[token("t-old"), token("t-new", at=NOW + 10)]))
        before = trigger.turn()
        trigger.forget(NOW - 5)
        assert trigger.turn() == before, "there was nothing"
        trigger.forget(NOW + 5)
        assert trigger.turn() != before
        assert not trigger.complete(before, Evaluation()), "who has read it may have used what is gone"
        before = trigger.turn()
        trigger.purge()
        assert trigger.turn() != before

    def test_a_source_can_be_followed_from_a_time(self, trigger: Trigger) -> None:
        assert trigger.before("event:made", NOW) == 0
        trigger.record([happened("e1", at=NOW - 5), happened("other", "event:other"), happened("late", at=NOW + 5)])
        # Recorded later than it happened, as what belongs to an outcome is.
        trigger.record([happened("early", at=NOW - 1)])
        positions = {each.key: each.position for each in trigger.after(0, 10)}
        assert trigger.before("event:made", NOW - 5) == positions["e1"] - 1
        assert trigger.before("event:made", NOW) == positions["late"] - 1
        assert trigger.before("event:other", NOW) == positions["other"] - 1
        assert trigger.before("event:made", NOW + 6) == trigger.before("event:never", NOW) == positions["early"]
        assert [each.key for each in trigger.after(positions["late"] - 1, 10, "event:made")] == ["late", "early"]

    def test_of_many_who_record_the_same_one_does(self, trigger: Trigger) -> None:
        assert sum(race(lambda _: trigger.record([happened("e1")]))) == 1
        assert sum(race(lambda number: trigger.record([happened(f"e1-{number}")]))) == THREADS
        assert len(trigger.after(0, 100)) == THREADS + 1

    def test_purging_forgets_all_and_no_follower_misses_what_comes(self, trigger: Trigger) -> None:
        trigger.record([happened("e1"), happened("e2")])
        last = trigger.after(0, 10)[-1].position
        trigger.purge()
        assert trigger.after(0, 10) == []
        trigger.record([happened("e3")])
        assert [each.key for each in trigger.after(last, 10)] == ["e3"]


class FiringsConformance(Conformance):
    """Everything a store of firings owes."""

    def test_evaluations_come_one_after_the_other(self, trigger: Trigger) -> None:
        trigger.record([happened("e1"), happened("e2")])
        turn = trigger.turn()
        assert trigger.complete(turn, Evaluation(["e1"], (), [token("t1")], [firing("f1")]))
        assert not trigger.complete(turn, Evaluation(["e2"], ["t1"], [token("t2")], [firing("f2")]))
        assert [each.key for each in trigger.pending(10)] == ["e2"]
        assert trigger.waiting(["d1"]) == [token("t1")]
        assert trigger.firings(10) == [firing("f1")]
        assert trigger.complete(trigger.turn(), Evaluation(["e2"], ["t1"], [token("t2")], [firing("f2")]))
        assert trigger.pending(10) == []
        assert trigger.waiting(["d1", "d2"]) == [token("t2")]
        assert trigger.waiting(["d2"]) == trigger.waiting([]) == []

    def test_of_many_evaluations_of_a_turn_one_is_written(self, trigger: Trigger) -> None:
        turn = trigger.turn()
        answers = race(lambda number: trigger.complete(turn, Evaluation(firings=[firing(f"f{number}")])))
        assert sum(answers) == 1
        assert [each.firing_id for each in trigger.firings(100)] == [f"f{answers.index(True)}"]

    def test_firings_are_unsettled_until_their_invocation_is_known(self, trigger: Trigger) -> None:
        failed = firing("f0", call=None)._replace(error="no arguments")
        trigger.complete(trigger.turn(), Evaluation(firings=[failed, firing("f1"), firing("f2", "d2")]))
        assert trigger.unsettled(10) == [firing("f1"), firing("f2", "d2")]
        assert trigger.unsettled(1) == [firing("f1")]
        trigger.settle({"f1": "i1", "unknown": "i9"})
        assert trigger.unsettled(10) == [firing("f2", "d2")]
        settled = firing("f1", call=None)._replace(invocation_id="i1")
        assert trigger.firings(10) == [firing("f2", "d2"), settled, failed]
        assert trigger.firings(1) == [firing("f2", "d2")]
        assert trigger.firings(10, "d1") == [settled, failed]

    def test_a_firing_that_is_there_stays(self, trigger: Trigger) -> None:
        trigger.complete(trigger.turn(), Evaluation(firings=[firing("f1")]))
        trigger.settle({"f1": "i1"})
        trigger.complete(trigger.turn(), Evaluation(firings=[firing("f1")]))
        assert trigger.unsettled(10) == []
        assert [each.invocation_id for each in trigger.firings(10)] == ["i1"]
