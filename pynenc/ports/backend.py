"""The bundle: five components, what they can do, and the unit that groups writes."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

from pynenc.ports.broker import Broker
from pynenc.ports.client_data_store import ClientDataStore
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.shortcuts import Shortcuts
from pynenc.ports.state_backend import StateBackend
from pynenc.ports.steps import Steps
from pynenc.ports.trigger import Trigger
from pynenc.ports.wakeups import Wakeups

P = ParamSpec("P")
T = TypeVar("T")

#: How often a step begins again; each time, somebody else got something done.
MOST_CONFLICTS = 1_000


class UnitConflict(Exception):  # noqa: N818 - no error of anybody: it says "again"
    """Nothing of a unit was written, for others changed meanwhile what was read in it: begin again.

    Only products whose units do not exclude each other raise it, at the end of the outermost unit.
    """


def repeated(step: Callable[P, T]) -> Callable[P, T]:
    """A function that opens units, made to begin again after a ``UnitConflict``.

    Inside of another unit a conflict shows at the end of that one, so whoever opened it is to be repeated.
    """

    @wraps(step)
    def again(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(MOST_CONFLICTS):
            try:
                return step(*args, **kwargs)
            except UnitConflict:
                continue
        return step(*args, **kwargs)

    return again


class Unit(Protocol):
    """Opens the unit of work of one product: what is written inside becomes visible together, or not at all."""

    def __call__(self) -> AbstractContextManager[object]:
        """Open it; leaving it commits, an exception undoes what the product can undo.

        Atomicity: units of one product exclude each other, between threads and between processes: what was read
        inside is still true when it is written. A product that takes the steps itself (``Backend.steps``), and so
        checks running scopes in one go, need not. The thread that is inside may open one more, which becomes part
        of it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What follows from the chosen products."""

    #: Other processes see what is stored.
    shared_between_processes: bool
    #: Orchestrator, state backend, broker, trigger and client data live in one product and one unit.
    one_product: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Where an application keeps everything."""

    broker: Broker
    orchestrator: Orchestrator
    state: StateBackend
    trigger: Trigger
    client_data: ClientDataStore
    wakeups: Wakeups
    #: Units of the distinct products, in the order in which they must commit: data before the commit point
    #: (the orchestrator), hints after it (design law 1).
    units: tuple[Unit, ...]
    capabilities: Capabilities
    #: Where everything is kept, for people; without secrets.
    location: str = ""
    #: The product's own way to take the steps of a call; None: composed from the components.
    steps: Steps | None = None
    #: Its own way to take the plain cases of some steps.
    shortcuts: Shortcuts | None = None

    def unit(self) -> AbstractContextManager[object]:
        """One step: opens the unit of each product, so that they commit in the order of ``units``."""
        if len(self.units) == 1:
            return self.units[0]()
        stack = ExitStack()
        for open_unit in reversed(self.units):
            stack.enter_context(open_unit())
        return stack

    def close(self) -> None:
        """Give back connections and addresses. May be repeated."""
        self.wakeups.close()
        for unit in self.units:
            close = getattr(unit, "close", None)
            if close is not None:
                close()
