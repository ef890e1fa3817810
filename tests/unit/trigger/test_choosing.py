"""What a search over long lines costs, in calls of functions and not in time; and what it finds."""

import logging

import pytest

from pynenc.engine.triggers import Triggers
from pynenc.trigger import TriggerBuilder, choosing
from pynenc.trigger.conditions import (
    CompositeCondition,
    CompositeLogic,
    EventCondition,
    ResultCondition,
    StatusCondition,
)
from pynenc.trigger.matching import Matching
from tests.unit.engine import triggers_by_hand
from tests.unit.trigger.test_matching import calls_of

F, G, H = "m.f", "m.g", "m.h"
GO = EventCondition("go")
EITHER = CompositeCondition([StatusCondition(F), StatusCondition(G)], CompositeLogic.OR)


def filled(condition, length, *lines):
    """Lines of this length; each is a leaf, a task, and a letter before the numbers of its invocations."""
    matching = Matching(condition, {}, 10**6)
    for leaf, task, letter in lines:
        for number in range(length):
            assert matching.offer(f"{leaf}-{task}-{number}", {leaf}, (task, f"{letter}{number}")) == []
    return matching


#: Conditions whose last leaf is the event, with lines in which something agrees, and yet nothing agrees with all.
IN_VAIN = {
    "two lines that do not agree": (
        [StatusCondition(F), ResultCondition(F), GO],
        [(0, F, "a"), (1, F, "b")],
    ),
    "two that agree, two that do not": (
        [StatusCondition(F), StatusCondition(G), ResultCondition(F), ResultCondition(G), GO],
        [(0, F, "a"), (2, F, "a"), (1, G, "a"), (3, G, "b")],
    ),
    "two pairs that do not agree": (
        [StatusCondition(F), StatusCondition(G), ResultCondition(F), ResultCondition(G), GO],
        [(0, F, "a"), (1, G, "a"), (2, F, "b"), (3, G, "b")],
    ),
    "what is about either of two tasks between two that do not agree": (
        [EITHER, StatusCondition(F), StatusCondition(G), ResultCondition(G), GO],
        [(0, F, "a"), (1, G, "x"), (2, F, "a"), (3, G, "a"), (4, G, "b")],
    ),
}


@pytest.mark.parametrize("name", IN_VAIN)
def test_a_search_in_vain_costs_a_look_at_each_token_at_most(name):
    parts, lines = IN_VAIN[name]
    last = max(leaf for leaf, _, _ in lines) + 1

    def cost(length):
        matching = filled(CompositeCondition(parts), length, *lines)
        matching.offer("warm", {last})
        found = []
        calls = calls_of(lambda: found.extend(matching.offer("go", {last})))
        assert found == []
        assert matching.not_searched == []
        return calls

    assert cost(1_000) < 11 * cost(100)


def test_the_oldest_of_each_pair_is_chosen_over_many_that_lack_their_partner():
    parts = [StatusCondition(F), StatusCondition(G), ResultCondition(F), ResultCondition(G), GO]

    def cost(length):
        matching = filled(CompositeCondition(parts), length, (0, F, "a"), (1, G, "a"), (2, F, "b"), (3, G, "b"))
        for task, leaves in ((F, (0, 2)), (G, (1, 3))):
            for leaf in leaves:
                for number in range(2):
                    matching.offer(f"{leaf}-{number}", {leaf}, (task, f"both{number}"))
        found = []
        calls = calls_of(lambda: found.extend(matching.offer("go", {4})))
        [fired] = found
        assert [key for _, key in fired.parts] == ["0-0", "1-0", "2-0", "3-0", "go"]
        return calls

    assert cost(1_000) < 11 * cost(100)


def triangle():
    """Each two of three lines agree in many ways, and never all three."""
    pairs = [(StatusCondition(one), StatusCondition(other)) for one, other in ((F, G), (G, H), (F, H))]
    matching = Matching(CompositeCondition([*(CompositeCondition(pair) for pair in pairs), GO]), {}, 10**6)
    for number in range(60):
        for place, (one, other, first, second) in enumerate(
            [(F, G, "f", f"g{number}"), (G, H, f"g{number}", f"h{number}"), (F, H, "f", f"x{number}")]
        ):
            matching.offer(f"{place}-{number}-0", {2 * place}, (one, first))
            assert matching.offer(f"{place}-{number}-1", {2 * place + 1}, (other, second)) == []
    return matching


def test_a_search_ends_somewhere_and_says_so(monkeypatch):
    matching = triangle()
    assert matching.offer("go", {6}) == []
    assert matching.not_searched == []
    monkeypatch.setattr(choosing, "MOST_CANDIDATES", 50)
    matching = triangle()
    matching.offer("go", {6})
    assert [token.parts for _, token in matching.not_searched][-1:] == [((6, "go"),)]
    assert matching.added[-1][1].parts == ((6, "go"),), "it waits"


def test_who_evaluates_warns(monkeypatch, tmp_path, caplog):
    app = triggers_by_hand.make_app("memory", tmp_path)
    monkeypatch.setattr(app.engine.events, "_log", logging.getLogger("what-is-said"))
    monkeypatch.setattr(choosing, "MOST_CANDIDATES", 0)
    [trigger] = triggers_by_hand.register(
        app,
        TriggerBuilder().on_event("a").on_event("b").with_logic("and", within_seconds=9),
    )
    ids = [app.trigger.emit_event(code) for code in "ab"]
    with caplog.at_level(logging.WARNING):
        Triggers(app.engine).evaluate(10)
    [line] = [record.getMessage() for record in caplog.records]
    assert f"trigger:{trigger} of task:{triggers_by_hand.TASK}" in line
    assert ids[1] in line
    app.close()
