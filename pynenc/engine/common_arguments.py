"""Arguments that the calls of a group share: serialized once, for all calls that have none of their own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pynenc.engine.payloads import Part


def without(shared: Mapping[str, Part], names: frozenset[str]) -> dict[str, Part]:
    """The common arguments except those that a call has of its own."""
    return {name: part for name, part in shared.items() if name not in names}


def by_own_names(
    calls: Sequence[dict[str, Any]], own: Sequence[set[str]], shared: Mapping[str, Part]
) -> Iterator[tuple[list[dict[str, Any]], frozenset[str]]]:
    """Neighbouring calls that override the same common arguments, which is nearly always all of them."""
    names: frozenset[str] | None = None
    run: list[dict[str, Any]] = []
    for values, given in zip(calls, own, strict=True):
        overridden = frozenset(given & shared.keys())
        if overridden != names and run:
            yield run, names or frozenset()
            run = []
        names = overridden
        run.append(values)
    if run:
        yield run, names or frozenset()
