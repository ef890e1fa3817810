"""The Redis backend keeps the contracts of the ports."""

from functools import partial

import pytest

from pynenc.testing import conformance
from pynenc_redis.testing.stores import redis_store


class RedisStores:
    transactional = True
    processes_share = True

    @pytest.fixture
    def components(self, redis_url):
        backend = redis_store(redis_url)
        yield backend
        backend.close()

    @pytest.fixture
    def other_app_components(self, redis_url):
        backend = redis_store(redis_url, "another app")
        yield backend
        backend.close()

    @pytest.fixture
    def second_view(self, redis_url):
        backend = redis_store(redis_url)
        yield backend
        backend.close()

    @pytest.fixture
    def open_elsewhere(self, redis_url):
        return partial(redis_store, redis_url)


class TestBroker(RedisStores, conformance.BrokerConformance): ...


class TestStatusLedger(RedisStores, conformance.StatusLedgerConformance): ...


class TestLedgerReader(RedisStores, conformance.LedgerReaderConformance): ...


class TestWaitGraph(RedisStores, conformance.WaitGraphConformance): ...


class TestRunnerBoard(RedisStores, conformance.RunnerBoardConformance): ...


class TestCallStore(RedisStores, conformance.CallStoreConformance): ...


class TestWorkflowStore(RedisStores, conformance.WorkflowStoreConformance): ...


class TestWorkflowLog(RedisStores, conformance.WorkflowLogConformance): ...


class TestRegistry(RedisStores, conformance.RegistryConformance): ...


class TestClientDataStore(RedisStores, conformance.ClientDataStoreConformance): ...


class TestTriggerDefinitions(RedisStores, conformance.TriggerDefinitionsConformance): ...


class TestOccurrenceLog(RedisStores, conformance.OccurrenceLogConformance): ...


class TestFirings(RedisStores, conformance.FiringsConformance): ...


class TestEventWaiters(RedisStores, conformance.EventWaitersConformance): ...


class TestWakeups(RedisStores, conformance.WakeupsConformance): ...


class TestUnit(RedisStores, conformance.UnitConformance): ...


class TestIsolation(RedisStores, conformance.IsolationConformance): ...
