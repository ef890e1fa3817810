"""The duties of a broker."""

import pytest

from pynenc.invocation.record import ANY_QUEUE
from pynenc.ports import Backend, Broker
from pynenc.testing.conformance.kit import ODD_TEXTS, PLACE, Conformance, asked_of, entry, ids
from pynenc.testing.conformance.races import race


def popped(broker: Broker, limit: int = 100) -> list[str]:
    """The ids that come out of the sample place."""
    return [each.invocation_id for each in broker.pop([PLACE], limit)]


class QueueOrder(Conformance):
    """In which order what was pushed comes out."""

    def test_it_says_whether_it_reorders(self, broker: Broker) -> None:
        assert broker.reorders is self.reorders

    def test_the_oldest_comes_first(self, broker: Broker) -> None:
        first, second, third = ids(3)
        broker.push([entry(second), entry(first)])
        broker.push([entry(third)])
        assert popped(broker) == [second, first, third]

    def test_the_highest_priority_comes_first(self, broker: Broker) -> None:
        broker.push([entry("low", priority=-100), entry("usual")])
        broker.push([entry("high", priority=100), entry("usual too")])
        assert popped(broker) == ["high", "usual", "usual too", "low"]

    @asked_of("reorders")
    def test_among_equals_the_one_with_most_dependents_comes_first(self, broker: Broker) -> None:
        broker.push([entry("none"), entry("two", dependents=2), entry("one", dependents=1)])
        broker.push([entry("urgent", priority=1)])
        assert popped(broker) == ["urgent", "two", "one", "none"]

    def test_priority_is_compared_across_places(self, broker: Broker) -> None:
        places = [("a", "thread"), ("b", "thread"), ("b", "event_loop")]
        for number, (queue, lane) in enumerate(places):
            broker.push([entry(f"{queue} {lane}", queue=queue, lane=lane, priority=number)])
        assert [each.invocation_id for each in broker.pop(places, 2)] == ["b event_loop", "b thread"]
        assert [each.invocation_id for each in broker.pop(places, 2)] == ["a thread"]

    @asked_of("reorders")
    def test_promotion_raises_the_priority(self, broker: Broker) -> None:
        broker.push([entry(each) for each in ("first", "second", "third")])
        broker.promote([entry("third", priority=5)])
        assert popped(broker) == ["third", "first", "second"]

    def test_promotion_never_lowers_the_priority(self, broker: Broker) -> None:
        broker.push([entry("usual"), entry("high", priority=10)])
        broker.promote([entry("high", priority=-10)])
        assert popped(broker) == ["high", "usual"]

    @asked_of("reorders")
    def test_promotion_adds_dependents(self, broker: Broker) -> None:
        broker.push([entry("two", dependents=2), entry("three")])
        for _ in range(3):
            broker.promote([entry("three", dependents=1)])
        assert [(each.invocation_id, each.dependents) for each in broker.pop([PLACE], 2)] == [("three", 3), ("two", 2)]

    @asked_of("reorders")
    def test_promotion_keeps_the_age(self, broker: Broker) -> None:
        broker.push([entry("old"), entry("urgent", priority=5), entry("new", priority=5)])
        broker.promote([entry("old", priority=5)])
        assert popped(broker) == ["old", "urgent", "new"]

    def test_promotion_moves_and_does_not_copy(self, broker: Broker) -> None:
        broker.push([entry("first"), entry("moved")])
        broker.promote([entry("moved", priority=5)])
        if broker.reorders:
            assert [each.invocation_id for each in broker.peek("default", 5)] == ["moved", "first"]
        assert broker.sizes() == {PLACE: 2}
        assert sorted(popped(broker)) == ["first", "moved"]
        broker.push([entry("last"), entry("moved")])
        assert popped(broker) == ["last", "moved"]

    def test_promotion_ignores_what_is_not_queued(self, broker: Broker) -> None:
        broker.promote([entry("unknown", priority=5)])
        assert popped(broker) == []


class QueueContents(Conformance):
    """What is in the queues: nothing is lost, nothing comes out of the wrong one."""

    def test_an_empty_queue_gives_nothing(self, broker: Broker) -> None:
        assert broker.pop([PLACE], 5) == []
        assert broker.pop([], 5) == []

    def test_what_was_pushed_comes_out_once(self, broker: Broker) -> None:
        pushed = entry("inv", queue="mail", lane="event_loop", priority=7)
        broker.push([pushed])
        assert broker.pop([("mail", "event_loop")], 5) == [pushed]
        assert broker.pop([("mail", "event_loop")], 5) == []

    def test_the_limit_leaves_the_rest(self, broker: Broker) -> None:
        pushed = ids(5)
        broker.push([entry(each) for each in pushed])
        assert popped(broker, 2) == pushed[:2]
        assert popped(broker, 0) == []
        assert popped(broker) == pushed[2:]

    def test_only_the_places_asked_for_are_emptied(self, broker: Broker) -> None:
        broker.push([entry("a"), entry("b", lane="event_loop"), entry("c", queue="mail")])
        assert popped(broker) == ["a"]
        assert [each.invocation_id for each in broker.pop([("mail", "thread"), ("none", "thread")], 5)] == ["c"]
        assert [each.invocation_id for each in broker.pop([], 5)] == ["b"]

    def test_any_queue_stands_for_all_queues_of_its_lane(self, broker: Broker) -> None:
        broker.push([entry("a"), entry("b", lane="event_loop"), entry("c", queue="mail", priority=1)])
        assert [each.invocation_id for each in broker.pop([(ANY_QUEUE, "thread")], 5)] == ["c", "a"]
        places = [("mail", "event_loop"), (ANY_QUEUE, "event_loop")]
        assert [each.invocation_id for each in broker.pop(places, 5)] == ["b"]

    def test_what_is_pushed_twice_is_not_lost(self, broker: Broker) -> None:
        broker.push([entry("inv"), entry("inv")])
        broker.push([entry("inv")])
        assert set(popped(broker)) == {"inv"}

    def test_what_came_out_may_be_pushed_again(self, broker: Broker) -> None:
        for _ in range(3):
            broker.push([entry("inv")])
            assert popped(broker) == ["inv"]

    @asked_of("looks_into_queues")
    def test_what_was_removed_does_not_come_out(self, broker: Broker) -> None:
        broker.push([entry("a"), entry("b"), entry("c", queue="mail")])
        broker.remove(["b", "c", "unknown"])
        assert [each.invocation_id for each in broker.pop([], 5)] == ["a"]

    def test_missing_names_what_is_in_no_queue(self, broker: Broker) -> None:
        broker.push([entry("queued"), entry("popped", priority=1)])
        broker.pop([PLACE], 1)
        missing = broker.missing(["popped", "queued", "unknown"])
        if not self.looks_into_queues:
            # It may believe what it has queued to be there; about the others it can have no such belief.
            missing = [each for each in missing if each != "queued"]
        assert sorted(missing) == ["popped", "unknown"]

    def test_sizes_count_by_place(self, broker: Broker) -> None:
        broker.push([entry("a"), entry("b"), entry("c", lane="event_loop"), entry("d", queue="mail")])
        broker.pop([("mail", "thread")], 1)
        sizes = {place: size for place, size in broker.sizes().items() if size}
        assert sizes == {PLACE: 2, ("default", "event_loop"): 1}

    @asked_of("looks_into_queues")
    def test_peeking_leaves_the_queue_as_it_is(self, broker: Broker) -> None:
        broker.push([entry("usual"), entry("last"), entry("high", lane="event_loop", priority=1)])
        broker.push([entry("elsewhere", queue="mail")])
        assert [each.invocation_id for each in broker.peek("default", 2)] == ["high", "usual"]
        assert popped(broker) == ["usual", "last"]

    def test_purging_empties_one_queue_or_all(self, broker: Broker) -> None:
        for queue in ("default", "mail", "reports"):
            broker.push([entry(queue, queue=queue)])
        broker.purge("mail")
        assert sorted(each.invocation_id for each in broker.pop([], 5)) == ["default", "reports"]
        broker.push([entry("default"), entry("mail", queue="mail")])
        broker.purge()
        assert broker.pop([], 5) == []

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_ids_and_names_are_opaque(self, broker: Broker, text: str) -> None:
        pushed = entry(text, queue=text)
        broker.push([pushed, entry("other")])
        assert broker.pop([(text, "thread")], 5) == [pushed]

    def test_threads_never_get_the_same_entry(self, broker: Broker) -> None:
        pushed = ids(200)
        broker.push([entry(each) for each in pushed])

        def drain(_: int) -> list[str]:
            mine: list[str] = []
            while found := popped(broker, 3):
                mine += found
            return mine

        assert sorted(each for mine in race(drain) for each in mine) == pushed

    @asked_of("transactional")
    def test_a_unit_that_fails_gives_back_what_it_popped(self, components: Backend) -> None:
        components.broker.push([entry("inv")])

        def pop_and_fail() -> None:
            with components.unit():
                assert popped(components.broker) == ["inv"]
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            pop_and_fail()
        assert popped(components.broker) == ["inv"]


class BrokerConformance(QueueOrder, QueueContents):
    """Everything a broker owes."""
