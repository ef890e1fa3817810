"""The SQLite backend keeps the contracts of the ports."""

from functools import partial

import pytest

from pynenc.testing import conformance
from pynenc.testing.conformance.stores import sqlite_store


class SQLiteStores:
    transactional = True
    processes_share = True

    @pytest.fixture
    def db_path(self, tmp_path):
        return tmp_path / "pynenc.db"

    @pytest.fixture
    def components(self, db_path):
        backend = sqlite_store(db_path)
        yield backend
        backend.close()

    @pytest.fixture
    def other_app_components(self, db_path):
        backend = sqlite_store(db_path, "another app")
        yield backend
        backend.close()

    @pytest.fixture
    def second_view(self, db_path):
        backend = sqlite_store(db_path)
        yield backend
        backend.close()

    @pytest.fixture
    def open_elsewhere(self, db_path):
        return partial(sqlite_store, db_path)


class TestBroker(SQLiteStores, conformance.BrokerConformance): ...


class TestStatusLedger(SQLiteStores, conformance.StatusLedgerConformance): ...


class TestLedgerReader(SQLiteStores, conformance.LedgerReaderConformance): ...


class TestWaitGraph(SQLiteStores, conformance.WaitGraphConformance): ...


class TestRunnerBoard(SQLiteStores, conformance.RunnerBoardConformance): ...


class TestCallStore(SQLiteStores, conformance.CallStoreConformance): ...


class TestWorkflowStore(SQLiteStores, conformance.WorkflowStoreConformance): ...


class TestWorkflowLog(SQLiteStores, conformance.WorkflowLogConformance): ...


class TestRegistry(SQLiteStores, conformance.RegistryConformance): ...


class TestClientDataStore(SQLiteStores, conformance.ClientDataStoreConformance): ...


class TestTriggerDefinitions(SQLiteStores, conformance.TriggerDefinitionsConformance): ...


class TestOccurrenceLog(SQLiteStores, conformance.OccurrenceLogConformance): ...


class TestFirings(SQLiteStores, conformance.FiringsConformance): ...


class TestEventWaiters(SQLiteStores, conformance.EventWaitersConformance): ...


class TestWakeups(SQLiteStores, conformance.WakeupsConformance): ...


class TestUnit(SQLiteStores, conformance.UnitConformance): ...


class TestIsolation(SQLiteStores, conformance.IsolationConformance): ...
