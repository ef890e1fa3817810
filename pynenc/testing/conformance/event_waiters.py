"""The duties of a store of those who wait for events."""

from pynenc.ports import Backend, Trigger
from pynenc.ports.trigger import Evaluation, EventWaiter, Looked
from pynenc.testing.conformance.kit import NOW, ODD_TEXTS, Conformance
from pynenc.testing.conformance.races import race
from pynenc.testing.conformance.trigger import happened

MADE = "event:made"


def waiter(invocation_id: str = "i1", source: str = MADE, *, after: int = 0, unchecked: bool = False) -> EventWaiter:
    """A workflow that waits."""
    return EventWaiter(invocation_id, 3, source, '{"equal": {}}', after, unchecked)


def looked(at: EventWaiter, woken_for: str | None) -> Looked:
    """What an evaluation found for it."""
    return Looked(at.invocation_id, at.wait, at.after, woken_for)


def evaluate(trigger: Trigger, *found: Looked) -> None:
    """Write what an evaluation found."""
    assert trigger.complete(trigger.turn(), Evaluation(looked=found))


class EventWaitersConformance(Conformance):
    """Everything a store of waits for events owes."""

    def test_waiters_are_found_by_what_they_wait_for(self, trigger: Trigger) -> None:
        first, second, other = waiter(), waiter("i2")._replace(wanted=None), waiter("i3", "event:other")
        trigger.add_waiters([first, second])
        trigger.add_waiters([other])
        assert sorted(trigger.waiters([MADE])) == [first, second]
        assert sorted(trigger.waiters([MADE, "event:other", MADE])) == [first, second, other]
        assert trigger.waiters([]) == trigger.waiters(["event:mad"]) == []
        assert trigger.waiter_of("i2") == second
        assert trigger.waiter_of("unknown") is None
        assert trigger.woken(10) == []

    def test_any_text(self, trigger: Trigger) -> None:
        odd = [EventWaiter(f"i{n}", n, f"event:{text}", text, n) for n, text in enumerate(ODD_TEXTS)]
        trigger.add_waiters(odd)
        for each in odd:
            assert trigger.waiters([each.source]) == [each]

    def test_an_invocation_waits_once(self, trigger: Trigger) -> None:
        trigger.add_waiters([waiter()])
        evaluate(trigger, looked(waiter(), "e1"))
        again = waiter(source="event:other", after=7)
        trigger.add_waiters([waiter(after=5), again])
        assert trigger.waiters([MADE]) == trigger.woken(10) == []
        assert trigger.waiters(["event:other"]) == [again]

    def test_unchecked_ones_are_given_whatever_is_asked_for(self, trigger: Trigger) -> None:
        unchecked, checked = waiter(unchecked=True), waiter("i2")
        trigger.add_waiters([unchecked, checked])
        assert trigger.waiters([]) == trigger.waiters(["event:other"]) == [unchecked]
        assert sorted(trigger.waiters([MADE])) == [unchecked, checked]
        evaluate(trigger, looked(unchecked, None))
        assert trigger.waiters([]) == []
        assert sorted(trigger.waiters([MADE])) == [waiter(), checked]

    def test_woken_ones_are_looked_at_no_more(self, trigger: Trigger) -> None:
        waiters = [waiter(f"i{n}", unchecked=n == 1) for n in range(4)]
        trigger.add_waiters(waiters)
        evaluate(trigger, *(looked(each, f"e-{each.invocation_id}") for each in waiters[:3]))
        assert trigger.waiters([MADE]) == [waiters[3]]
        woken = trigger.woken(2)
        assert [(each.invocation_id, each.woken_for, each.unchecked) for each in woken] == [
            ("i0", "e-i0", False),
            ("i1", "e-i1", False),
        ]
        assert [each.invocation_id for each in trigger.woken(10, "i1")] == ["i2"]
        assert trigger.waiter_of("i1") == woken[1]

    def test_who_waits_for_something_else_meanwhile_is_left_alone(self, trigger: Trigger) -> None:
        for other in (waiter()._replace(wait=5), waiter(after=9)):
            trigger.add_waiters([other])
            evaluate(trigger, looked(waiter(), "e1"), Looked("gone", 3, 0, "e1"))
            assert trigger.waiter_of("i1") == other
        trigger.add_waiters([waiter()])
        evaluate(trigger, looked(waiter(), "e1"))
        evaluate(trigger, looked(waiter(), "e2"))
        evaluate(trigger, looked(waiter(), None))
        [woken] = trigger.woken(10)
        assert woken.woken_for == "e1", "the first counts"

    def test_an_evaluation_that_was_overtaken_wakes_nobody(self, trigger: Trigger) -> None:
        trigger.add_waiters([waiter()])
        turn = trigger.turn()
        evaluate(trigger)
        assert not trigger.complete(turn, Evaluation(looked=[looked(waiter(), "e1")]))
        assert trigger.waiters([MADE]) == [waiter()]

    def test_of_many_who_wake_one_does(self, trigger: Trigger) -> None:
        trigger.add_waiters([waiter()])
        turn = trigger.turn()
        answers = race(lambda n: trigger.complete(turn, Evaluation(looked=[looked(waiter(), f"e{n}")])))
        assert sum(answers) == 1
        assert [each.woken_for for each in trigger.woken(10)] == [f"e{answers.index(True)}"]

    def test_they_go(self, trigger: Trigger) -> None:
        trigger.add_waiters([waiter(), waiter("i2"), waiter("i3")])
        evaluate(trigger, looked(waiter("i3"), "e1"))
        trigger.drop_waiters(["i1", "i3", "unknown"])
        trigger.drop_waiters([])
        assert trigger.waiters([MADE]) == [waiter("i2")]
        assert trigger.woken(10) == []
        trigger.purge()
        assert trigger.waiters([MADE]) == []

    def test_what_somebody_was_woken_for_is_kept(self, trigger: Trigger) -> None:
        trigger.record([happened("e1"), happened("e2")])
        trigger.add_waiters([waiter()])
        assert trigger.complete(trigger.turn(), Evaluation(["e1", "e2"], looked=[looked(waiter(), "e2")]))
        assert trigger.forget(NOW + 1) == 1
        assert [each.key for each in trigger.after(0, 10)] == ["e2"]
        assert trigger.forget(NOW + 1) == 0
        trigger.drop_waiters(["i1"])
        assert trigger.forget(NOW + 1) == 1

    def test_others_see_it(self, trigger: Trigger, second_view: Backend) -> None:
        trigger.add_waiters([waiter()])
        assert second_view.trigger.waiters([MADE]) == [waiter()]
