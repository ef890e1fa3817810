"""Which tokens come together, which wait, and which do not wait any more."""

import sys

import pytest

from pynenc.trigger.conditions import (
    CompositeCondition,
    CompositeLogic,
    EventCondition,
    ExceptionCondition,
    ResultCondition,
    StatusCondition,
)
from pynenc.trigger.lines import Token
from pynenc.trigger.matching import Matching
from pynenc.trigger.requirements import ends_to_watch, shared_tasks

BOTH = CompositeCondition([EventCondition("a"), EventCondition("b")])
OF_ONE_TASK = CompositeCondition([StatusCondition("m.f"), ResultCondition("m.f")])


def waiting(matching):
    return {place + ":" + "+".join(key for _, key in token.parts) for place, token in matching.added}


def test_tokens_of_one_task_come_together_by_invocation():
    matching = Matching(OF_ONE_TASK, {})
    assert matching.offer("1", {0}, ("m.f", "i1")) == []
    assert matching.offer("2", {0}, ("m.f", "i2")) == []
    [second] = matching.offer("3", {1}, ("m.f", "i2"))
    assert second.parts == ((0, "2"), (1, "3"))
    [first] = matching.offer("4", {1}, ("m.f", "i1"))
    assert first.parts == ((0, "1"), (1, "4"))
    assert matching.added == matching.consumed == []


def test_what_was_stored_and_is_used_is_consumed():
    stored = Token(((0, "1"),), {"m.f": "i1"}, 5.0, 5.0)
    matching = Matching(OF_ONE_TASK, {"/0": [Token.from_json(stored.to_json())]})
    [fired] = matching.offer("2", {1}, ("m.f", "i1"), 7.0)
    assert (fired.first, fired.last) == (5.0, 7.0)
    assert matching.consumed == [("/0", stored)]
    matching.saved()
    assert matching.consumed == matching.added == []


def test_three_parts_go_back_to_another_candidate():
    condition = CompositeCondition([EventCondition("a"), StatusCondition("m.f"), StatusCondition("m.f", "failed")])
    matching = Matching(condition, {})
    for number in range(3):
        matching.offer(f"s{number}", {1}, ("m.f", f"i{number}"))
    matching.offer("f2", {2}, ("m.f", "i2"))
    matching.offer("f9", {2}, ("m.f", "i9"))
    [fired] = matching.offer("e", {0})
    assert fired.parts == ((0, "e"), (1, "s2"), (2, "f2"))


def test_oldest_first_over_tokens_of_different_kinds():
    either = CompositeCondition([EventCondition("a"), StatusCondition("m.f")], CompositeLogic.OR)
    matching = Matching(CompositeCondition([either, EventCondition("b")]), {})
    matching.offer("s1", {1}, ("m.f", "i1"))
    matching.offer("e1", {0})
    matching.offer("s2", {1}, ("m.f", "i2"))
    assert [matching.offer(f"b{n}", {2})[0].parts[0][1] for n in range(3)] == ["s1", "e1", "s2"]


def test_the_oldest_makes_room():
    matching = Matching(BOTH, {}, 2)
    for number in range(3):
        matching.offer(str(number), {0})
    assert [(place, token.parts) for place, token in matching.crowded_out] == [("/0", ((0, "0"),))]
    assert waiting(matching) == {"/0:1", "/0:2"}
    [fired] = matching.offer("b", {1})
    assert fired.parts == ((0, "1"), (1, "b"))


def calls_of(function):
    """How many Python functions a call leads to: its cost, and not that of the machine."""
    count = 0

    def see(_frame, event, _arg):
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("condition", [OF_ONE_TASK, CompositeCondition([OF_ONE_TASK, EventCondition("e")])], ids=str)
def test_an_occurrence_costs_the_same_however_much_waits(condition):
    nested = condition is not OF_ONE_TASK

    def cost(length, key, leaf, invocation):
        matching = Matching(condition, {}, 10_000)
        for number in range(length):
            matching.offer(f"s{number}", {0}, ("m.f", f"i{number}"))
            matching.offer(f"r{number}", {1}, ("m.f", f"j{number}"))
        assert len(matching.added) == 2 * length
        matching.offer("warm", {0}, ("m.f", "warm"))
        return calls_of(lambda: matching.offer(key, {leaf}, ("m.f", invocation)))

    for key, leaf, invocation in [("r", 1, "none"), ("r", 1, "i3"), ("s", 0, "j3")]:
        assert cost(2_000, key, leaf, invocation) == cost(20, key, leaf, invocation), nested


def test_within_seconds():
    condition = CompositeCondition([EventCondition("a"), EventCondition("b")], within_seconds=10)
    matching = Matching(condition, {})
    matching.offer("a0", {0}, at=100.0)
    matching.offer("a1", {0}, at=105.0)
    [fired] = matching.offer("b0", {1}, at=112.0)
    assert fired.parts == ((0, "a1"), (1, "b0"))
    assert matching.added == [], "a0 waits no longer"
    matching.offer("a2", {0}, at=200.0)
    [fired] = matching.offer("b1", {1}, at=210.0)
    assert fired.parts == ((0, "a2"), (1, "b1"))


def test_within_seconds_counts_over_all_parts():
    parts = [EventCondition("a"), EventCondition("b"), EventCondition("c")]
    matching = Matching(CompositeCondition(parts, within_seconds=10), {})
    matching.offer("a", {0}, at=100.0)
    matching.offer("c", {2}, at=115.0)
    assert matching.offer("b", {1}, at=108.0) == [], "each is near another, and yet not all are near each other"
    with pytest.raises(ValueError, match="within_seconds"):
        CompositeCondition(parts, CompositeLogic.OR, within_seconds=10)
    with pytest.raises(ValueError, match="within_seconds"):
        CompositeCondition(parts, within_seconds=-1)


def test_what_waits_in_vain_for_an_invocation_that_ended_goes():
    condition = CompositeCondition([StatusCondition("m.f"), ResultCondition("m.f"), EventCondition("e")])
    matching = Matching(condition, {})
    matching.offer("refused", {0}, ("m.f", "i1"))
    matching.offer("s2", {0}, ("m.f", "i2"))
    matching.offer("r2", {1}, ("m.f", "i2"))
    matching.ended("m.f", "i2")
    assert len(matching.added) == 3, "i2 has all that it can have; only the event is missing"
    matching.ended("m.f", "i1")
    assert waiting(matching) == {"/0:s2", "/1:r2"}
    [fired] = matching.offer("e", {2})
    assert fired.parts == ((0, "s2"), (1, "r2"), (2, "e"))


def test_what_an_event_may_still_complete_stays():
    inner = CompositeCondition([ResultCondition("m.f"), EventCondition("e")])
    matching = Matching(CompositeCondition([StatusCondition("m.f"), inner]), {})
    matching.offer("s", {0}, ("m.f", "i"))
    matching.offer("r", {1}, ("m.f", "i"))
    matching.ended("m.f", "i")
    [fired] = matching.offer("e", {2})
    assert fired.parts == ((0, "s"), (1, "r"), (2, "e"))
    matching.offer("s9", {0}, ("m.f", "j"))
    matching.ended("m.f", "j")
    assert matching.added == []


def test_what_an_or_does_without_stays():
    either = CompositeCondition([ResultCondition("m.f"), EventCondition("e")], CompositeLogic.OR)
    matching = Matching(CompositeCondition([StatusCondition("m.f"), either]), {})
    matching.offer("s", {0}, ("m.f", "i"))
    matching.ended("m.f", "i")
    [fired] = matching.offer("e", {2})
    assert fired.parts == ((0, "s"), (2, "e"))


@pytest.mark.parametrize(
    ("condition", "shared", "ends"),
    [
        (OF_ONE_TASK, {"m.f"}, False),
        (CompositeCondition([StatusCondition("m.f"), ResultCondition("m.g")]), set(), False),
        (CompositeCondition([StatusCondition("m.f", "running"), ExceptionCondition("m.f")]), {"m.f"}, True),
        (CompositeCondition([StatusCondition("m.f", "running"), EventCondition("e")]), set(), False),
        (
            CompositeCondition([StatusCondition("m.f", "retry"), ResultCondition("m.f")], CompositeLogic.OR),
            set(),
            False,
        ),
    ],
)
def test_which_ends_are_watched(condition, shared, ends):
    """A token from before the end must go with it; what comes at the end is looked at when it comes."""
    assert shared_tasks(condition) == shared
    assert ("task:m.f:success" in ends_to_watch(condition)) is ends
    assert ("task:m.f:cancelled" in ends_to_watch(condition)) is ends
