"""What the suites share: the fixtures that a product fills in, and sample values."""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, TypeVar

import pytest

from pynenc.invocation.record import InvocationRecord, NewInvocation, Outcome, QueueEntry, Transition
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.ports import Backend, Broker, ClientDataStore, Orchestrator, StateBackend, Trigger, Wakeups

#: The time at which the samples happen. Stores take the time from their callers, so the suites need no clock.
NOW = 1_750_000_000.0

OWNER = "runner-1"
STRANGER = "runner-2"
CLIENT = "client-1"

PLACE = ("default", "thread")

#: What breaks who quotes, splits or matches where he should bind.
ODD_TEXTS = (
    "with space",
    'it\'s "quoted"',
    "a;DROP TABLE b--",
    "100%_of*it?",
    "[range]{0}",
    "colon:slash/back\\slash",
    "line\nbreak\ttab",
    "ünïcødé",
    "日本語",
    "👩‍🚀",
    "NULL",
    "0",
    "x" * 255,
)


_Test = TypeVar("_Test", bound=Callable[..., Any])


def asked_of(switch: str) -> Callable[[_Test], _Test]:
    """A test of a duty that only those have whose switch is on; for others there is no such test."""

    def mark(test: _Test) -> _Test:
        _OWED_BY.setdefault(test.__name__, set()).add(switch)
        return test

    return mark


#: Switches by the names of tests.
_OWED_BY: dict[str, set[str]] = {}


class Conformance:
    """Base of the suites. A product fills in ``components`` and, as far as it has them, the other fixtures."""

    #: An exception inside a unit undoes what was written in it.
    transactional: ClassVar[bool] = True
    #: All components are one product, so that others see a unit as a whole.
    one_product: ClassVar[bool] = True
    #: The broker moves what is queued already when its priority or the number of its dependents grows.
    reorders: ClassVar[bool] = True
    #: The broker can tell and remove what is queued.
    looks_into_queues: ClassVar[bool] = True
    #: ``second_view`` listens for itself.
    listens_twice: ClassVar[bool] = True
    #: Other processes see what is stored; then ``open_elsewhere`` is needed.
    processes_share: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for test, switches in _OWED_BY.items():
            if hasattr(cls, test) and not all(getattr(cls, switch) for switch in switches):
                setattr(cls, test, None)

    @pytest.fixture
    def components(self) -> Backend:
        """A new, empty store. To be overridden; what it opens is closed by the fixture."""
        raise NotImplementedError(
            f"{type(self).__name__} has no fixture 'components': the suite does not know what to test - "
            "override it with one that gives a Backend on a new, empty store"
        )

    @pytest.fixture
    def other_app_components(self) -> Backend:
        """Another application in the same store as ``components`` (the same file, server or process)."""
        raise NotImplementedError(
            f"{type(self).__name__} has no fixture 'other_app_components': override it with one that gives a Backend "
            "of another application in the same store"
        )

    @pytest.fixture
    def second_view(self, components: Backend) -> Backend:
        """The store of ``components`` as another process of the same application opens it."""
        return components

    @pytest.fixture
    def open_elsewhere(self) -> Callable[[], Backend]:
        """A picklable function that opens the store of ``components`` in another process."""
        raise NotImplementedError(
            f"{type(self).__name__} has no fixture 'open_elsewhere': its store is shared between processes - "
            "override it with a function at the top of a module, or functools.partial of one"
        )

    @pytest.fixture
    def ledger(self, components: Backend) -> Orchestrator:
        """The orchestrator under test."""
        return components.orchestrator

    @pytest.fixture
    def broker(self, components: Backend) -> Broker:
        """The broker under test."""
        return components.broker

    @pytest.fixture
    def state(self, components: Backend) -> StateBackend:
        """The state backend under test."""
        return components.state

    @pytest.fixture
    def client_data(self, components: Backend) -> ClientDataStore:
        """The client data store under test."""
        return components.client_data

    @pytest.fixture
    def trigger(self, components: Backend) -> Trigger:
        """The trigger store under test."""
        return components.trigger

    @pytest.fixture
    def wakeups(self, components: Backend) -> Wakeups:
        """The wake-ups under test."""
        return components.wakeups


def ids(count: int, prefix: str = "inv") -> list[str]:
    """Ids in the order of their making."""
    return [f"{prefix}-{number:06}" for number in range(count)]


def call(invocation_id: str, **fields: Any) -> NewInvocation:
    """A call of ``app.tasks.add``, with ``fields`` in place of the usual values."""
    usual = NewInvocation(
        invocation_id=invocation_id,
        task_id="app.tasks.add",
        args_id="args-1",
        arguments='{"x": "1"}',
        parent_id=None,
        workflow_id=invocation_id,
        workflow_type="app.tasks.add",
        parent_workflow_id=None,
        queue="default",
        lane="thread",
        priority=0,
        not_before=None,
        registration_key=None,
        running_key=None,
        drop_when_blocked=False,
        registered_by=CLIENT,
        reply_to=None,
    )
    return usual._replace(**fields)


def entry(invocation_id: str, **fields: Any) -> QueueEntry:
    """A place in the queue of the sample calls."""
    return QueueEntry(invocation_id, *PLACE, priority=0)._replace(**fields)


def outcome(invocation_id: str, attempt: int = 1, **fields: Any) -> Outcome:
    """A success."""
    usual = Outcome(invocation_id, attempt, OWNER, NOW, NOW + 1, '"2"', None, None, None, None)
    return usual._replace(**fields)


def runner(runner_id: str = OWNER, **fields: Any) -> RunnerRecord:
    """A runner that started and beat just now."""
    usual = RunnerRecord(runner_id, "ThreadRunner", None, "host-1", 4711, NOW, NOW, None)
    return usual._replace(**fields)


def register(ledger: Orchestrator, *invocation_ids: str, now: float = NOW, **fields: Any) -> None:
    """Register sample calls that all differ from the usual in the same ``fields``."""
    answers = ledger.register([call(each, **fields) for each in invocation_ids], now)
    assert answers == [None] * len(invocation_ids)


def move(
    ledger: Orchestrator, invocation_id: str, *statuses: InvocationStatus, actor: str = OWNER, now: float = NOW
) -> InvocationRecord:
    """Take an invocation through statuses; the record after the last."""
    records = ledger.transition([Transition(invocation_id, status, actor, None) for status in statuses], now)
    assert None not in records, f"the ledger refused one of {statuses}: {records}"
    return ledger.read([invocation_id])[invocation_id]


def register_in(
    ledger: Orchestrator, invocation_id: str, status: InvocationStatus, *, owner: str = OWNER, **fields: Any
) -> InvocationRecord:
    """Register a sample call and take it to a status on the shortest way."""
    register(ledger, invocation_id, **fields)
    return move(ledger, invocation_id, *way_to(status), actor=owner)


@cache
def way_to(target: InvocationStatus) -> tuple[InvocationStatus, ...]:
    """The shortest way from REGISTERED through the status table."""
    ways: dict[InvocationStatus, tuple[InvocationStatus, ...]] = {InvocationStatus.REGISTERED: ()}
    while target not in ways:
        for status, way in list(ways.items()):
            for following in sorted(InvocationStatus):
                if status.can_transition_to(following):
                    ways.setdefault(following, (*way, following))
    return ways[target]
