"""Random triggers and random occurrences, against a model that knows no store and no batches."""

import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pynenc import Pynenc
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.triggers import Triggers
from pynenc.trigger import TriggerBuilder
from pynenc.trigger.conditions import CompositeCondition, CompositeLogic, EventCondition
from pynenc.trigger.matching import Matching

CODES = "abc"
TASK = "tests.unit.engine.trigger_model_tasks.target"

leaves = st.builds(EventCondition, st.sampled_from(CODES), st.sampled_from([None, {"x": 0}, {"x": 1}]))
trees = st.recursive(
    leaves,
    lambda parts: st.builds(
        CompositeCondition, st.lists(parts, min_size=1, max_size=3), st.sampled_from(CompositeLogic)
    ),
    max_leaves=6,
)
happenings = st.lists(st.tuples(st.sampled_from(CODES), st.integers(0, 1)), max_size=25)


class Line:
    """The model: each part of a tree has a count of what it can pass on; an AND takes one of each of its parts."""

    def __init__(self, condition):
        self.condition = condition
        self.parts = [Line(part) for part in getattr(condition, "conditions", ())]
        self.waiting = [0] * len(self.parts)

    def offer(self, code, x):
        """How often the tree is satisfied by this occurrence."""
        if not self.parts:
            wanted = self.condition.payload_filter.arguments
            return int(self.condition.event_code == code and wanted.get("x", x) == x)
        passed = [part.offer(code, x) for part in self.parts]
        if self.condition.logic is CompositeLogic.OR:
            return sum(passed)
        self.waiting = [old + new for old, new in zip(self.waiting, passed, strict=True)]
        complete = min(self.waiting)
        self.waiting = [each - complete for each in self.waiting]
        return complete


@settings(max_examples=60)
@given(definitions=st.lists(trees, min_size=1, max_size=4), happened=happenings, cuts=st.sets(st.integers(0, 25)))
def test_random_triggers_fire_as_often_as_the_model(definitions, happened, cuts):
    app = Pynenc({"app_id": "model", "orchestrator_cls": "MemOrchestrator", "logging_level": "critical"})
    built = [
        TriggerBuilder().add_condition(tree).with_args_static({"n": n}).build(TASK)
        for n, tree in enumerate(definitions)
    ]
    register_triggers(app.engine, {TASK: built}, [TASK])
    names = {each.text: each.definition_id for each in app.trigger.get_triggers()}
    ids = [names[definition.to_json(app.serializer)] for definition in built]
    evaluators = itertools.cycle([Triggers(app.engine), Triggers(app.engine)])
    models = [Line(definition.condition) for definition in built]
    expected = Counter()
    for number, (code, x) in enumerate(happened):
        app.trigger.emit_event(code, {"x": x})
        expected.update({name: model.offer(code, x) for name, model in zip(ids, models, strict=True)})
        if number in cuts:
            next(evaluators).evaluate(3)
    next(evaluators).evaluate(7)
    firings = app.trigger.get_firings(limit=10_000)
    assert {firing.error for firing in firings} <= {None}
    assert Counter(firing.definition_id for firing in firings) == +expected
    assert len({firing.invocation_id for firing in firings}) == len(firings)
    assert app.orchestrator.count_invocations(TASK) == len(firings)
    app.close()


def test_tokens_of_one_task_come_together_by_invocation():
    both = CompositeCondition([EventCondition("a"), EventCondition("b")])
    matching = Matching(both, {})
    assert matching.offer("1", {0}, ("m.f", "i1")) == []
    assert matching.offer("2", {0}, ("m.f", "i2")) == []
    [second] = matching.offer("3", {1}, ("m.f", "i2"))
    assert second.parts == ((0, "2"), (1, "3"))
    [first] = matching.offer("4", {1}, ("m.f", "i1"))
    assert first.parts == ((0, "1"), (1, "4"))
    assert matching.added == matching.consumed == []


def test_the_oldest_makes_room(monkeypatch):
    monkeypatch.setattr("pynenc.trigger.matching.LONGEST_LINE", 2)
    matching = Matching(CompositeCondition([EventCondition("a"), EventCondition("b")]), {})
    for number in range(3):
        matching.offer(str(number), {0}, None)
    [fired] = matching.offer("b", {1}, None)
    assert fired.parts == ((0, "1"), (1, "b"))
