"""Cancelling an invocation and everything that was called in its code, at any depth."""

from collections.abc import Iterator, Sequence

from pynenc.engine.engine import Engine
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord

#: Invocations cancelled in one step.
BATCH = 200


def cancel_tree(engine: Engine, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
    """Cancel invocations, then what they called, and so on downwards; the records of ``invocation_ids`` afterwards.

    Whoever called comes before whom it called, so that it learns of its own cancellation and not of theirs. What a
    running one calls until it is told is cancelled then; what it calls later cleans up, and is left alone.
    """
    # Before anybody is told.
    levels = [
        [record.invocation_id for record in level if not record.status.is_final()]
        for level in levels_below(engine, invocation_ids)
    ]
    records = {record.invocation_id: record for record in engine.steps.cancel(invocation_ids, engine.process_id)}
    for unfinished in levels:
        for start in range(0, len(unfinished), BATCH):
            engine.steps.cancel(unfinished[start : start + BATCH], engine.process_id)
    return records


def levels_below(engine: Engine, invocation_ids: Sequence[str]) -> Iterator[list[InvocationRecord]]:
    """The invocations called in the code of these, then those called in theirs, and so on."""
    seen = set(invocation_ids)
    parents = list(invocation_ids)
    while parents:
        level = [
            child for parent in parents for child in children_of(engine, parent) if child.invocation_id not in seen
        ]
        if level:
            yield level
        parents = [child.invocation_id for child in level]
        seen.update(parents)


def children_of(engine: Engine, invocation_id: str) -> Iterator[InvocationRecord]:
    """The invocations called in the code of one, oldest first."""
    after: str | None = None
    while True:
        query = InvocationQuery(parent_id=invocation_id, newest_first=False, limit=BATCH, after=after)
        page = engine.ledger.find(query)
        yield from page
        if len(page) < BATCH:
            return
        after = page[-1].invocation_id
