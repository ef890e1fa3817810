"""The conformance kit: what every product behind the ports must pass.

One class for each port. A product subclasses those it implements and gives them its stores as fixtures::

    from pynenc.testing import conformance

    class ProductStores:
        transactional = True
        processes_share = True

        @pytest.fixture
        def components(self):
            backend = product_backend(...)  # a pynenc.ports.Backend on a new, empty store
            yield backend
            backend.close()

        @pytest.fixture
        def open_elsewhere(self, components):
            return functools.partial(product_backend, ...)

    class TestBroker(ProductStores, conformance.BrokerConformance): ...
    class TestStatusLedger(ProductStores, conformance.StatusLedgerConformance): ...

The fixtures and switches are described at ``Conformance``. A product that implements only some components takes
the others from ``pynenc.backends.memory`` in its ``components``. Needs pytest and Hypothesis.
"""

import pytest

# Before the suites are imported: the assertions of a plugin's tests are explained, and these are its tests.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{suite}"
        for suite in (
            *(
                "broker",
                "claims",
                "client_data_store",
                "event_waiters",
                "kit",
                "ledger_model",
                "ledger_reader",
                "races",
                "registration",
            ),
            *(
                "runner_board",
                "state_backend",
                "transitions",
                "trigger",
                "units",
                "upkeep",
                "wait_graph",
                "wakeups",
                "workflow_log",
            ),
        )
    )
)

from pynenc.testing.conformance.broker import BrokerConformance  # noqa: E402
from pynenc.testing.conformance.claims import ClaimDuties  # noqa: E402
from pynenc.testing.conformance.client_data_store import ClientDataStoreConformance  # noqa: E402
from pynenc.testing.conformance.event_waiters import EventWaitersConformance  # noqa: E402
from pynenc.testing.conformance.kit import Conformance  # noqa: E402
from pynenc.testing.conformance.ledger_model import LedgerModelConformance  # noqa: E402
from pynenc.testing.conformance.ledger_reader import LedgerReaderConformance  # noqa: E402
from pynenc.testing.conformance.registration import RegistrationDuties  # noqa: E402
from pynenc.testing.conformance.runner_board import RunnerBoardConformance  # noqa: E402
from pynenc.testing.conformance.state_backend import (  # noqa: E402
    CallStoreConformance,
    RegistryConformance,
    WorkflowStoreConformance,
)
from pynenc.testing.conformance.transitions import HistoryDuties, TransitionDuties  # noqa: E402
from pynenc.testing.conformance.trigger import (  # noqa: E402
    FiringsConformance,
    OccurrenceLogConformance,
    TriggerDefinitionsConformance,
)
from pynenc.testing.conformance.units import IsolationConformance, UnitConformance  # noqa: E402
from pynenc.testing.conformance.upkeep import (  # noqa: E402
    CancelDuties,
    DelayDuties,
    ForgettingDuties,
    ScopeDuties,
)
from pynenc.testing.conformance.wait_graph import WaitGraphConformance  # noqa: E402
from pynenc.testing.conformance.wakeups import WakeupsConformance  # noqa: E402
from pynenc.testing.conformance.workflow_log import WorkflowLogConformance  # noqa: E402

__all__ = [
    "BrokerConformance",
    "CallStoreConformance",
    "ClientDataStoreConformance",
    "Conformance",
    "EventWaitersConformance",
    "FiringsConformance",
    "IsolationConformance",
    "LedgerReaderConformance",
    "OccurrenceLogConformance",
    "RegistryConformance",
    "RunnerBoardConformance",
    "StatusLedgerConformance",
    "TriggerDefinitionsConformance",
    "UnitConformance",
    "WaitGraphConformance",
    "WakeupsConformance",
    "WorkflowLogConformance",
    "WorkflowStoreConformance",
]


class StatusLedgerConformance(
    RegistrationDuties,
    ClaimDuties,
    TransitionDuties,
    HistoryDuties,
    DelayDuties,
    ScopeDuties,
    CancelDuties,
    ForgettingDuties,
    LedgerModelConformance,
):
    """Everything a ledger of statuses owes."""
