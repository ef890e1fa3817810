"""Random triggers and random occurrences, against a model that knows no store, no batches and no indexes.

A trigger is drawn as plain data (tuples), from which the real conditions are built on one side and the model on the
other. The model says what the documentation does: an AND keeps a list for each part; with each occurrence it tries all
combinations, oldest first from left to right, and the first whose members are of one invocation for each task, and
happened within the time allowed, is the firing. When an invocation ends, what only it could have completed goes.
Compared are the causes of all firings, occurrence by occurrence.
"""

import itertools
import json
from collections import Counter
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from pynenc import Pynenc
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.triggers import Triggers
from pynenc.invocation.record import Finish, Outcome, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.steps import ClaimPlan
from pynenc.serializer.signing import RESULT
from pynenc.testing.apps import installed
from pynenc.trigger import TriggerBuilder
from pynenc.trigger.conditions import (
    CompositeCondition,
    CompositeLogic,
    EventCondition,
    ExceptionCondition,
    ResultCondition,
    StatusCondition,
)
from tests.unit.engine import trigger_model_tasks as tasks

CODES = "ab"
SOURCES = ("first", "second")
TASK = tasks.target.key
NOW = 1_900_000_000.0
ANY = "any"

# ------------------------------------------------------------------------------------------------- triggers as data

#: Filters by name: what the real side is given, and what the model decides.
ARGUMENT_FILTERS = {ANY: None, "x=0": {"x": 0}, "x=1": {"x": 1}, "positive": tasks.positive}
RESULT_FILTERS = {"0": 0, "1": 1, "is one": tasks.is_one, "raises": tasks.raising}

#: Mostly none: where everything is refused, nothing comes together.
arguments = st.sampled_from([ANY] * 6 + list(ARGUMENT_FILTERS))
leaves = st.one_of(
    st.tuples(st.just("event"), st.sampled_from(CODES), arguments),
    st.tuples(
        st.just("status"), st.sampled_from(SOURCES), st.sampled_from(["running", "success", "failed"]), arguments
    ),
    st.tuples(st.just("result"), st.sampled_from(SOURCES), st.sampled_from([ANY] * 4 + list(RESULT_FILTERS))),
    st.tuples(st.just("exception"), st.sampled_from(SOURCES), st.sampled_from([ANY, "KeyError"])),
)


def all_of(parts):
    return st.tuples(st.just("and"), st.lists(parts, min_size=2, max_size=3), st.sampled_from([None, None, 4.0]))


def any_of(parts):
    return st.tuples(st.just("or"), st.lists(parts, min_size=1, max_size=3), st.none())


trees = all_of(st.one_of(leaves, leaves, all_of(leaves), any_of(leaves), any_of(all_of(leaves))))
happenings = st.lists(
    st.tuples(
        # Time that passes before it.
        st.integers(0, 1),
        st.one_of(
            st.tuples(st.just("emit"), st.sampled_from(CODES), st.integers(0, 1)),
            st.tuples(st.just("start"), st.sampled_from(SOURCES), st.integers(0, 1)),
            # The number of one that runs, from any end.
            st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from([0, 1, 1, "KeyError", "ValueError"])),
        ),
    ),
    min_size=10,
    max_size=40,
)


class Happened(NamedTuple):
    """What the model knows of an occurrence."""

    key: str
    at: float
    kind: str
    #: Code of the event, or the task.
    name: str
    x: int
    status: str = ""
    outcome: object = None
    invocation: str = ""


def passes(name: str, x: int) -> bool:
    return {ANY: True, "x=0": x == 0, "x=1": x == 1, "positive": x > 0}[name]


def satisfies(leaf, happened: Happened) -> bool:
    kind, name, *rest = leaf
    if kind == "event":
        return happened.kind == "event" and happened.name == name and passes(rest[0], happened.x)
    if happened.kind == "event" or happened.name != name:
        return False
    if kind == "status":
        return happened.status == rest[0] and passes(rest[1], happened.x)
    if kind == "result":
        wanted = {ANY: (0, 1), "0": (0,), "1": (1,), "is one": (1,), "raises": ()}[rest[0]]
        return happened.status == "success" and happened.outcome in wanted
    return happened.status == "failed" and rest[0] in (ANY, happened.outcome)


class Node:
    """The model of a part of a trigger: offered an occurrence, it passes on the sets that are complete."""

    def __init__(self, data) -> None:
        self.kind = data[0]
        self.data = data
        composite = self.kind in ("and", "or")
        self.parts = [Node(part) for part in data[1]] if composite else []
        self.within = data[2] if composite else None
        self.lists: list[list[tuple[Happened, ...]]] = [[] for _ in self.parts]

    def offer(self, happened: Happened) -> list[tuple[Happened, ...]]:
        if not self.parts:
            return [(happened,)] if satisfies(self.data, happened) else []
        passed: list[tuple[Happened, ...]] = []
        for number, part in enumerate(self.parts):
            for new in part.offer(happened):
                passed += [new] if self.kind == "or" else self._join(number, new)
        return passed

    def _join(self, number: int, new: tuple[Happened, ...]) -> list[tuple[Happened, ...]]:
        lists = [[new] if place == number else waiting for place, waiting in enumerate(self.lists)]
        for chosen in itertools.product(*lists):
            together = tuple(each for part in chosen for each in part)
            if self._agree(together):
                for place, part in enumerate(chosen):
                    if place != number:
                        self.lists[place].remove(part)
                return [together]
        self.lists[number].append(new)
        return []

    def ended(self, name: str, invocation: str) -> None:
        """What waits for something that only this invocation could have brought does not wait any more."""
        for part in self.parts:
            part.ended(name, invocation)
        lacking = [
            number
            for number, part in enumerate(self.parts)
            if name in part.needs() and not part.holds(invocation) and not _about(self.lists[number], invocation)
        ]
        if self.kind == "and" and lacking:
            self.forget(invocation)

    def needs(self) -> set[str]:
        """The tasks without which it is never satisfied."""
        of_parts = [part.needs() for part in self.parts]
        if self.kind == "and":
            return set.union(*of_parts)
        return set.intersection(*of_parts) if of_parts else {self.data[1]} - {*CODES}

    def holds(self, invocation: str) -> bool:
        return any(_about(each, invocation) for each in self.lists) or any(p.holds(invocation) for p in self.parts)

    def forget(self, invocation: str) -> None:
        self.lists = [[each for each in waiting if not _about([each], invocation)] for waiting in self.lists]
        for part in self.parts:
            part.forget(invocation)

    def _agree(self, together: tuple[Happened, ...]) -> bool:
        times = [each.at for each in together]
        if self.within is not None and len(self.parts) > 1 and max(times) - min(times) > self.within:
            return False
        about = {(each.name, each.invocation) for each in together if each.invocation}
        return len({name for name, _ in about}) == len(about)


def _about(waiting, invocation: str) -> bool:
    return any(each.invocation == invocation for found in waiting for each in found)


def build(data):
    """The real condition."""
    kind, *rest = data
    if kind in ("and", "or"):
        return CompositeCondition([build(part) for part in rest[0]], CompositeLogic(kind), within_seconds=rest[1])
    if kind == "event":
        return EventCondition(rest[0], ARGUMENT_FILTERS[rest[1]])
    task = f"{tasks.__name__}.{rest[0]}"
    if kind == "status":
        return StatusCondition(task, rest[1], ARGUMENT_FILTERS[rest[2]])
    if kind == "result":
        return ResultCondition(task) if rest[1] == ANY else ResultCondition(task, result_filter=RESULT_FILTERS[rest[1]])
    return ExceptionCondition(task, None, None if rest[1] == ANY else rest[1])


class World:
    """The real application; makes things happen, and says what did."""

    def __init__(self, app) -> None:
        self.app = app
        self.now = NOW
        app.engine.clock.now = lambda: self.now
        self.running = []

    def make(self, what: str, name, value) -> list[Happened]:
        if what == "emit":
            return [Happened(self.app.trigger.emit_event(name, {"x": value}), self.now, "event", name, value)]
        if what == "start":
            return [self.start(name, value)]
        return [self.end(self.running.pop(name % len(self.running)), value)] if self.running else []

    def start(self, name: str, x: int) -> Happened:
        invocation_id = getattr(tasks, name)(x).invocation_id
        plan = ClaimPlan("me", [("none", "none")], 1, prefer=[invocation_id], start=1)
        [claimed] = self.app.engine.steps.advance((), (), plan).claimed
        assert claimed.record.invocation_id == invocation_id
        self.running.append((name, x, claimed.record))
        return self.reached(name, x, claimed.record, "running")

    def end(self, running, outcome) -> Happened:
        name, x, record = running
        ok = isinstance(outcome, int)
        status = InvocationStatus.SUCCESS if ok else InvocationStatus.FAILED
        text = self.app.engine.payloads.pack(outcome, RESULT, record.invocation_id)[0] if ok else None
        error = [None] * 4 if ok else ["{}", f"builtins.{outcome}", "", ""]
        ended = Outcome(record.invocation_id, record.attempt, "me", NOW, self.now, text, *error)
        transition = Transition(record.invocation_id, status, "me", record.attempt)
        self.app.engine.steps.advance([Finish(transition, record, ended)], (), None)
        return self.reached(name, x, record, status.value, outcome)

    def reached(self, name, x, record, status, outcome=None) -> Happened:
        key = f"{record.invocation_id}#{record.attempt}#{status}"
        return Happened(key, self.now, "status", name, x, status, outcome, record.invocation_id)


def sets(found) -> Counter:
    return Counter(tuple(sorted(each)) for each in found)


@settings(max_examples=150, deadline=None)
@given(definitions=st.lists(trees, min_size=1, max_size=4), happened=happenings, cuts=st.sets(st.integers(0, 30)))
def test_random_triggers_fire_as_the_model_does(definitions, happened, cuts):
    app = Pynenc({"app_id": "model", "orchestrator_cls": "MemOrchestrator", "logging_level": "critical"})
    built = [
        TriggerBuilder().add_condition(build(tree)).with_args_static({"n": n}).build(TASK)
        for n, tree in enumerate(definitions)
    ]
    world = World(app)
    register_triggers(app.engine, {TASK: built}, [TASK], alone=True)
    names = {each.text: each.definition_id for each in app.trigger.get_triggers()}
    ids = [names[definition.to_json(app.serializer)] for definition in built]
    evaluators = itertools.cycle([Triggers(app.engine), Triggers(app.engine)])
    models = [Node(("and", [tree], None)) for tree in definitions]
    expected = {name: [] for name in ids}
    with installed(app, tasks):
        for number, (seconds, (what, name, value)) in enumerate(happened):
            world.now += seconds
            for each in world.make(what, name, value):
                for definition_id, model in zip(ids, models, strict=True):
                    expected[definition_id] += [[h.key for h in found] for found in model.offer(each)]
                    if each.status in ("success", "failed"):
                        model.ended(each.name, each.invocation)
            if number in cuts:
                evaluator = next(evaluators)
                evaluator.evaluate(3)
                if number % 3 == 0:
                    # The same one again: it knows what waits from its own evaluation.
                    evaluator.evaluate(3)
                    next(evaluators)
        next(evaluators).evaluate(7)
        firings = app.trigger.get_firings(limit=10_000)
    fired = {name: [] for name in ids}
    for firing in firings:
        if firing.error is None:
            fired[firing.definition_id].append([key for _, key in json.loads(firing.causes)])
        else:
            assert firing.error == "SystemExit: a filter cannot end the evaluation"
    assert {name: sets(found) for name, found in fired.items()} == {n: sets(found) for n, found in expected.items()}
    started = [firing.invocation_id for firing in firings if firing.error is None]
    assert len(set(started)) == len(started) == app.orchestrator.count_invocations(TASK)
    app.close()
