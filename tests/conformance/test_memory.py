"""The memory backend keeps the contracts of the ports."""

import pytest

from pynenc.backends.memory import memory_backend
from pynenc.testing import conformance


class MemoryStores:
    transactional = False
    processes_share = False
    listens_twice = False

    @pytest.fixture
    def components(self):
        return memory_backend()

    @pytest.fixture
    def other_app_components(self):
        return memory_backend()


class TestBroker(MemoryStores, conformance.BrokerConformance): ...


class TestStatusLedger(MemoryStores, conformance.StatusLedgerConformance): ...


class TestLedgerReader(MemoryStores, conformance.LedgerReaderConformance): ...


class TestWaitGraph(MemoryStores, conformance.WaitGraphConformance): ...


class TestRunnerBoard(MemoryStores, conformance.RunnerBoardConformance): ...


class TestCallStore(MemoryStores, conformance.CallStoreConformance): ...


class TestWorkflowStore(MemoryStores, conformance.WorkflowStoreConformance): ...


class TestWorkflowLog(MemoryStores, conformance.WorkflowLogConformance): ...


class TestRegistry(MemoryStores, conformance.RegistryConformance): ...


class TestClientDataStore(MemoryStores, conformance.ClientDataStoreConformance): ...


class TestTriggerDefinitions(MemoryStores, conformance.TriggerDefinitionsConformance): ...


class TestOccurrenceLog(MemoryStores, conformance.OccurrenceLogConformance): ...


class TestFirings(MemoryStores, conformance.FiringsConformance): ...


class TestEventWaiters(MemoryStores, conformance.EventWaitersConformance): ...


class TestWakeups(MemoryStores, conformance.WakeupsConformance): ...


class TestUnit(MemoryStores, conformance.UnitConformance): ...


class TestIsolation(MemoryStores, conformance.IsolationConformance): ...
