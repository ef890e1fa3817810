"""From pending occurrences to firings: deciding, outside of any unit, what they lead to.

User code (filters, providers) runs here, behind the door of ``user_code``. It holds up nobody but the evaluation, and
whatever it raises becomes a firing with an error: for a filter, it did not accept. Each function is given what happened
as its own copy, which it may change.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pynenc.engine.trigger_facts import Fact, Facts, moment
from pynenc.engine.trigger_known import Loaded
from pynenc.engine.trigger_lines import KnownLines
from pynenc.engine.user_code import contained, words
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.trigger import Evaluation, Firing, Trigger, WaitingToken
from pynenc.trigger.conditions.base import TriggerCondition, ValidCondition
from pynenc.trigger.definition import TriggerDefinition
from pynenc.trigger.lines import Token
from pynenc.trigger.matching import Matching
from pynenc.trigger.trigger_context import TriggerContext

#: Characters of an error that are kept with a firing.
ERROR_CHARACTERS = 2_000

#: (definition, arguments, firing id, time) -> the call to submit, as JSON text.
MakeCall = Callable[[TriggerDefinition, dict[str, Any], str, float], str]


class Evaluator:
    """One evaluation: facts in, an ``Evaluation`` out."""

    def __init__(self, trigger: Trigger, facts: Facts, lines: KnownLines, make_call: MakeCall, now: float) -> None:
        self._trigger = trigger
        self._facts = facts
        self._make_call = make_call
        self._now = now
        self._lines = lines
        self._by_key: dict[str, Fact] = {}
        self._matchings: dict[str, Matching] = {}
        self._firings: list[Firing] = []

    def evaluate(self, facts: Sequence[Fact]) -> Evaluation:
        """What follows from these facts; all of them are dealt with."""
        self._by_key = {fact.occurrence.key: fact for fact in facts}
        for fact in facts:
            for loaded in self._lines.known.watching(fact.occurrence.source):
                self._consider(loaded, fact)
        consumed: list[str] = []
        waiting: list[WaitingToken] = []
        for definition_id, matching in self._matchings.items():
            consumed += [_token_key(definition_id, place, token) for place, token in matching.consumed]
            waiting += [
                WaitingToken(
                    _token_key(definition_id, place, token), definition_id, place, token.to_json(), token.first
                )
                for place, token in matching.added
            ]
        return Evaluation([fact.occurrence.key for fact in facts], consumed, waiting, self._firings)

    def _consider(self, loaded: Loaded, fact: Fact) -> None:
        definition = loaded.definition
        error = loaded.error or fact.error
        if definition is None or error is not None:
            self._failed(loaded, [(-1, fact.occurrence.key)], error)
            return
        if fact.context is None:
            return
        hits = self._hits(loaded, fact)
        ended = self._ended(loaded, fact)
        if not hits and ended is None:
            return
        matching = self._matching(loaded.stored.definition_id, definition)
        occurrence = fact.occurrence
        for token in matching.offer(occurrence.key, hits, fact.about, occurrence.at):
            self._fire(loaded, definition, token)
        if ended is not None:
            matching.ended(*ended)

    def _hits(self, loaded: Loaded, fact: Fact) -> set[int]:
        """The numbers of the conditions that a fact satisfies."""
        source = fact.occurrence.source
        if source.startswith("cron:"):
            return {int(source.rpartition("/")[2])}
        hits: set[int] = set()
        for number, leaf in enumerate(loaded.leaves):
            if source not in leaf.sources():
                continue
            accepted, error = contained(partial(_accepts, leaf, fact))
            if accepted:
                hits.add(number)
            elif error is not None:
                self._failed(loaded, [(number, fact.occurrence.key)], error)
        return hits

    @staticmethod
    def _ended(loaded: Loaded, fact: Fact) -> tuple[str, str] | None:
        """The task and the invocation of which nothing will follow, if something may wait for that."""
        about, status = fact.about, fact.occurrence.status
        if about is None or about[0] not in loaded.shared_tasks or status is None:
            return None
        return about if InvocationStatus(status).is_final() else None

    def _matching(self, definition_id: str, definition: TriggerDefinition) -> Matching:
        if definition_id not in self._matchings:
            self._matchings[definition_id] = self._lines.of(definition_id, definition)
        return self._matchings[definition_id]

    def _fire(self, loaded: Loaded, definition: TriggerDefinition, token: Token) -> None:
        firing_id = _digest(loaded.stored.definition_id, *(f"{leaf}:{key}" for leaf, key in token.parts))
        # A provider is user code, and the task's module is imported.
        call, error = contained(lambda: self._call(loaded, definition, token, firing_id))
        if call is None:
            self._failed(loaded, token.parts, error)
            return
        self._firings.append(
            Firing(
                firing_id,
                loaded.stored.definition_id,
                definition.task_id,
                self._now,
                _causes(loaded, token.parts),
                None,
                None,
                call,
            )
        )

    def _call(self, loaded: Loaded, definition: TriggerDefinition, token: Token, firing_id: str) -> str:
        provider = definition.argument_provider
        if provider is None:
            arguments: dict[str, Any] = {}
        else:
            needed = provider.needs_causes
            arguments = provider.get_arguments(self._context(loaded, token) if needed else self._no_context())
        return self._make_call(definition, arguments, firing_id, self._now)

    def _no_context(self) -> TriggerContext:
        return TriggerContext(moment(self._now))

    def _context(self, loaded: Loaded, token: Token) -> TriggerContext:
        missing = [key for _, key in token.parts if key not in self._by_key]
        if missing:
            # In line since an earlier evaluation.
            earlier = self._facts.read(list(self._trigger.read(missing).values()))
            self._by_key.update((each.occurrence.key, each) for each in earlier)
        context = self._no_context()
        for leaf, key in token.parts:
            fact = self._by_key.get(key)
            own = None if fact is None else fact.own()
            if own is None:
                raise LookupError(
                    f"What {loaded.leaves[leaf]} was satisfied by ({key}) is not in the store any more; "
                    "it waited for the other conditions longer than it is kept."
                )
            context.add_valid_condition(ValidCondition(loaded.leaves[leaf], own))
        context.timestamp = max(each.timestamp for each in context.contexts())
        return context

    def _failed(self, loaded: Loaded, parts: Sequence[tuple[int, str]], error: BaseException | None) -> None:
        firing_id = _digest("failed", loaded.stored.definition_id, *(f"{leaf}:{key}" for leaf, key in parts))
        text = words(error or LookupError(f"trigger {loaded.stored.definition_id} has no definition"))[
            :ERROR_CHARACTERS
        ]
        stored = loaded.stored
        self._firings.append(
            Firing(firing_id, stored.definition_id, stored.task_id, self._now, _causes(loaded, parts), None, text, None)
        )


def _accepts(leaf: TriggerCondition, fact: Fact) -> bool:
    context = fact.own() if leaf.asks_functions else fact.context
    return context is not None and leaf.accepts(context)


def _causes(loaded: Loaded, parts: Sequence[tuple[int, str]]) -> str:
    return json.dumps([[str(loaded.leaves[leaf]) if leaf >= 0 else "any condition", key] for leaf, key in parts])


def _token_key(definition_id: str, place: str, token: Token) -> str:
    return _digest(definition_id, place, *(f"{leaf}:{key}" for leaf, key in token.parts))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
