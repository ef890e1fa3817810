"""The trigger system of one process: events in, schedules looked at, occurrences turned into invocations."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pynenc.engine.crash_points import crash_point
from pynenc.engine.event_waking import EventWaking
from pynenc.engine.submit import CallOptions, new_invocation
from pynenc.engine.trigger_evaluation import Evaluator
from pynenc.engine.trigger_facts import Fact, Facts, moment, proven
from pynenc.engine.trigger_known import KnownDefinitions, Schedule
from pynenc.engine.trigger_lines import KnownLines, Trouble
from pynenc.engine.trigger_passing_on import PassingOn
from pynenc.engine.user_code import contained
from pynenc.identifiers import id_from_digest, new_id
from pynenc.invocation.record import InvocationRecord, NewInvocation
from pynenc.ports.backend import repeated
from pynenc.ports.trigger import Evaluation, Firing, NewOccurrence, Occurrence
from pynenc.trigger.definition import TriggerDefinition
from pynenc.trigger.matching import LONGEST_LINE
from pynenc.trigger.trigger_context import TriggerContext

#: In a mixture of products an occurrence is recorded just before its status is committed. One whose status is not there
#: after this time never will be.
PROOF_SECONDS = 60.0
#: The clock was set back by more than this: schedules start anew.
CLOCK_SET_BACK_SECONDS = 3600.0
#: Evaluations that others overtook before this one gives way; the others do the work.
MOST_OVERTAKEN = 20


class NotFiredError(Exception):
    """A trigger could not be fired by hand; the cause says why."""


class Triggers:
    """Evaluates the triggers of an application; any number of processes may at once."""

    def __init__(self, engine: Any, longest_line: int = LONGEST_LINE) -> None:
        self._engine = engine
        self._backend = engine.backend
        self._trigger = engine.backend.trigger
        self._one_product = engine.backend.capabilities.one_product
        self.known = KnownDefinitions(engine.definitions, engine.serializer, engine.events.warning)
        #: For each schedule the mark from which it was asked, and when its next time comes: asking costs 0.2 ms.
        self._upcoming: dict[str, tuple[float | None, float | None]] = {}
        self._lines = KnownLines(self._trigger, longest_line)
        self._facts = Facts(engine.backend, engine.payloads, engine.serializer)
        self._waking = EventWaking(engine, self._facts)
        self.passing_on = PassingOn(engine)

    # ------------------------------------------------------------------ schedules

    def look_at_schedules(self) -> float | None:
        """Record the times of schedules that have come; when the next one comes (seconds since the epoch)."""
        known = self.known()
        if not known.schedules:
            return None
        now = self._engine.clock.now()
        marks = self._trigger.marks()
        if len(self._upcoming) > len(known.schedules):
            self._upcoming.clear()
        upcoming = [self._look(schedule, marks.get(schedule.name), now) for schedule in known.schedules]
        return min((time for time in upcoming if time is not None), default=None)

    @repeated
    def _look(self, schedule: Schedule, mark: float | None, now: float) -> float | None:
        if mark is None or mark > now + CLOCK_SET_BACK_SECONDS:
            self._trigger.advance_mark(schedule.name, mark, now)
            mark = now
        known_mark, upcoming = self._upcoming.get(schedule.name, (None, None))
        if mark == known_mark and (upcoming is None or now < upcoming):
            return upcoming
        slots, newest, upcoming = schedule.condition.due(schedule.definition_id, mark, now)
        self._upcoming[schedule.name] = (mark if newest is None else newest, upcoming)
        if newest is not None:
            with self._backend.unit():
                if self._trigger.advance_mark(schedule.name, mark, newest):
                    last = [json.dumps(mark), *(json.dumps(slot) for slot in slots)]
                    self._trigger.record(
                        [time_occurrence(schedule.name, slot, last[number]) for number, slot in enumerate(slots)]
                    )
                crash_point("schedule.before_commit")
            crash_point("schedule.after_commit")
        return upcoming

    # ----------------------------------------------------------------- evaluation

    def evaluate(self, batch: int) -> int:
        """Deal with everything pending, in steps of at most ``batch``; how many occurrences."""
        handled = overtaken = 0
        if not self._one_product:
            self._submit_unsettled(batch)
            self._waking.bring_back_missed()
        while overtaken < MOST_OVERTAKEN:
            turn = self._trigger.turn()
            pending = self._trigger.pending(batch)
            # After it, so that there is no occurrence of a trigger that is not known here.
            known = self.known()
            facts = self._facts_of(self.passing_on.keep_mine(pending, known))
            looked = self._waking.look(facts)
            if not facts and not looked:
                break
            self._lines.begin(turn, known)
            now = self._engine.clock.now()
            evaluator = Evaluator(self._trigger, self._facts, self._lines, self._make_call, now)
            if self._complete(turn, evaluator.evaluate(facts)._replace(looked=looked)):
                self._say_what_was_too_long(self._lines.completed(turn))
                handled += len(facts)
                overtaken = 0
            else:
                overtaken += 1
        return handled

    def _say_what_was_too_long(self, troubles: Sequence[Trouble]) -> None:
        for trouble in troubles:
            loaded = self._lines.known.by_id[trouble.definition_id]
            task_id = loaded.stored.task_id
            for place in dict.fromkeys(where for where, _ in trouble.crowded_out):
                lost = [token for where, token in trouble.crowded_out if where == place]
                leaves = sorted({leaf for token in lost for leaf, _ in token.parts})
                self._engine.events.trigger_line_full(
                    trouble.definition_id,
                    task_id,
                    f"{place} ({', '.join(str(loaded.leaves[leaf]) for leaf in leaves)})",
                    [key for token in lost for _, key in token.parts],
                )
            if trouble.not_searched:
                keys = [key for _, token in trouble.not_searched for _, key in token.parts]
                self._engine.events.trigger_not_searched(trouble.definition_id, task_id, keys)

    def _facts_of(self, pending: Sequence[Occurrence]) -> list[Fact]:
        if not self._one_product:
            pending = self._proven(pending)
        return self._facts.read(pending)

    def _proven(self, pending: Sequence[Occurrence]) -> list[Occurrence]:
        """Those whose status was committed after they were recorded."""
        happened = proven(self._backend, pending)
        if len(happened) < len(pending):
            never = self._engine.clock.now() - PROOF_SECONDS
            self._trigger.withdraw([o.key for o in pending if o not in happened and o.at < never])
        return happened

    def _make_call(self, definition: TriggerDefinition, arguments: dict[str, Any], firing_id: str, now: float) -> str:
        task: Any = self._engine.find_task(definition.task_id)
        bound = task.parameters.bind((), arguments)
        packed = self._engine.payloads.pack_arguments(task.key, bound, task.conf.disable_cache_args)
        # The same id whoever makes it, and however often: a call that is registered already is left as it is.
        invocation_id = id_from_digest(firing_id, now)
        new = new_invocation(self._engine, task, packed, CallOptions(), parent=None, invocation_id=invocation_id)
        return json.dumps([list(new), list(packed.references)])

    @repeated
    def _complete(self, turn: int, evaluation: Evaluation) -> bool:
        fired = [firing for firing in evaluation.firings if firing.call is not None]
        back: list[InvocationRecord] = []
        with self._backend.unit():
            if not self._trigger.complete(turn, evaluation):
                return False
            if self._one_product:
                self._submit(fired)
                back = self._waking.bring_back(evaluation.looked)
            crash_point("trigger.before_commit")
        crash_point("trigger.after_commit")
        if self._one_product:
            self._waking.tell(back)
        else:
            self._submit(fired)
            self._waking.bring_back_later(evaluation.looked)
        self._tell(fired)
        for firing in evaluation.firings:
            if firing.error is not None:
                self._engine.events.trigger_failed(firing.definition_id, firing.task_id, firing.error, firing.causes)
        return True

    def fire(self, definition_id: str, arguments: dict[str, Any] | None) -> Firing:
        """Run the task of a trigger now, as somebody asked by hand; without arguments those of its provider.

        Raises:
            KeyError: there is no such trigger.
            NotFiredError: its code cannot be imported here, or makes no call of these arguments; the cause says why.
        """
        loaded = self.known().by_id[definition_id]
        definition = loaded.definition
        if definition is None:
            raise NotFiredError from loaded.error
        now = self._engine.clock.now()
        name = new_id()
        firing_id = hashlib.sha256(name.encode()).hexdigest()[:32]

        def make() -> str:
            provider = definition.argument_provider
            values = arguments
            if values is None:
                values = {} if provider is None else provider.get_arguments(TriggerContext(moment(now)))
            return self._make_call(definition, values, firing_id, now)

        call, error = contained(make)
        if call is None:
            raise NotFiredError from error
        causes = json.dumps([["by hand", name]])
        firing = Firing(firing_id, definition_id, loaded.stored.task_id, now, causes, None, None, call)
        while not self._complete(self._trigger.turn(), Evaluation(firings=[firing])):
            pass
        stored: list[Firing] = self._trigger.firings(1_000, definition_id)
        return next(each for each in stored if each.firing_id == firing_id)

    def _submit_unsettled(self, batch: int) -> None:
        """In a mixture somebody died between deciding on firings and submitting their calls."""
        while True:
            unsettled = self._trigger.unsettled(batch)
            if not unsettled:
                return
            self._submit(unsettled)
            self._tell(unsettled)

    def _submit(self, firings: Sequence[Firing]) -> None:
        if not firings:
            return
        calls = [json.loads(firing.call or "") for firing in firings]
        new = [NewInvocation(*fields) for fields, _ in calls]
        uses = {each.arguments: references for each, (_, references) in zip(new, calls, strict=True) if references}
        # Nobody is told yet: this may be part of a unit that is not committed.
        existing = self._engine.steps.submit(new, uses, wake=False)
        crash_point("trigger.before_settle")
        self._trigger.settle(
            {
                firing.firing_id: each.invocation_id if found is None else found.invocation_id
                for firing, each, found in zip(firings, new, existing, strict=True)
            }
        )

    def _tell(self, firings: Sequence[Firing]) -> None:
        if firings:
            self._engine.wakeups.wake_workers(len(firings), coroutines=True)
            for firing in firings:
                self._engine.events.trigger_fired(firing.definition_id, firing.task_id, firing.causes)


def time_occurrence(schedule: str, slot: float, last: str = "null") -> NewOccurrence:
    """A time of a schedule that has come; ``last``: JSON of the time before it."""
    return NewOccurrence(f"cron:{schedule}:{slot!r}", f"cron:{schedule}", slot, last)
