"""The stored filters of workflows that wait for events, as those who evaluate compare with them."""

import json

from pynenc.engine.trigger_facts import Fact
from pynenc.engine.user_code import contained
from pynenc.serializer.signing import EVENT_FILTER, PayloadSigner
from pynenc.trigger.arguments.filters import ArgumentFilter, argument_filter_from_json
from pynenc.trigger.codec import Codec
from pynenc.trigger.conditions.event import EventContext


class StoredFilters:
    """Stored filters, read once."""

    #: Texts kept: more than a process usually compares with.
    KEPT = 10_000

    def __init__(self, codec: Codec, signer: PayloadSigner) -> None:
        self._codec = codec
        self._signer = signer
        self._known: dict[str, ArgumentFilter] = {}

    def may_want(self, text: str | None, source: str, event: Fact) -> bool:
        """Whether the workflow is to look at an event: its filter accepts it, or only its code can tell."""
        if text is None or not isinstance(event.context, EventContext):
            return True
        # Users' code that fails fails again in the workflow, whose code may see it.
        return contained(lambda: self._accepts(text, source, event)).value is not False

    def _accepts(self, text: str, source: str, event: Fact) -> bool:
        if text not in self._known:
            if len(self._known) >= self.KEPT:
                self._known.clear()
            inside = self._signer.open(EVENT_FILTER, source, text)
            self._known[text] = argument_filter_from_json(json.loads(inside), self._codec)
        found = self._known[text]
        context = event.own() if found.asks_function else event.context
        return not isinstance(context, EventContext) or found.accepts(context.payload)
