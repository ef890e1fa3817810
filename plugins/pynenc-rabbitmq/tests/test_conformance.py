"""RabbitMQ keeps the contract of a broker, with everything else in SQLite, in Redis and in memory."""

from contextlib import ExitStack
from functools import partial
from itertools import count

import pytest

from pynenc.backends.memory import memory_backend
from pynenc.ports.backend import Backend, Capabilities
from pynenc.testing import conformance
from pynenc.testing.conformance.stores import sqlite_store
from pynenc_rabbitmq import ConfigRabbitMq, RabbitMqBroker
from pynenc_rabbitmq.unit import RabbitMqUnit
from pynenc_redis.testing.stores import redis_store

#: Of a server that several kinds of tests share; an application of its own for each test.
REDIS_DATABASE = 31
_numbers = count()


def settings(server, **changes) -> ConfigRabbitMq:
    return ConfigRabbitMq(
        rabbitmq_host=f"{server.host}:{server.port}",
        rabbitmq_username=server.user,
        rabbitmq_password=server.password,
        **changes,
    )


def with_rabbitmq(rest: Backend, conf: ConfigRabbitMq, app_id: str) -> Backend:
    unit = RabbitMqUnit(conf, app_id)
    return Backend(
        broker=RabbitMqBroker(unit),
        orchestrator=rest.orchestrator,
        state=rest.state,
        trigger=rest.trigger,
        client_data=rest.client_data,
        wakeups=rest.wakeups,
        units=(*rest.units, unit),
        capabilities=Capabilities(
            shared_between_processes=rest.capabilities.shared_between_processes, one_product=False
        ),
    )


def sqlite_and_rabbitmq(path, conf, app_id) -> Backend:
    return with_rabbitmq(sqlite_store(path, app_id), conf, app_id)


class OnRabbitMq:
    one_product = False
    reorders = False
    looks_into_queues = False

    @pytest.fixture
    def app_id(self):
        return f"conformance {next(_numbers)}"


class WithSQLite(OnRabbitMq):
    transactional = True
    processes_share = True

    @pytest.fixture
    def open_elsewhere(self, tmp_path, rabbitmq_server, app_id):
        return partial(sqlite_and_rabbitmq, tmp_path / "pynenc.db", settings(rabbitmq_server), app_id)

    @pytest.fixture
    def components(self, open_elsewhere):
        backend = open_elsewhere()
        yield backend
        backend.close()

    @pytest.fixture
    def second_view(self, open_elsewhere):
        backend = open_elsewhere()
        yield backend
        backend.close()

    @pytest.fixture
    def other_app_components(self, tmp_path, rabbitmq_server, app_id):
        backend = sqlite_and_rabbitmq(tmp_path / "pynenc.db", settings(rabbitmq_server), f"{app_id}, another")
        yield backend
        backend.close()


class WithRedis(OnRabbitMq):
    transactional = True
    processes_share = True

    @pytest.fixture
    def open_app(self, rabbitmq_server, redis_server):
        conf = settings(rabbitmq_server)
        with ExitStack() as stack:

            def opened(app_id) -> Backend:
                backend = with_rabbitmq(redis_store(f"{redis_server.url}/{REDIS_DATABASE}", app_id), conf, app_id)
                stack.callback(backend.close)
                return backend

            yield opened

    @pytest.fixture
    def components(self, open_app, app_id):
        return open_app(app_id)

    @pytest.fixture
    def second_view(self, open_app, app_id):
        return open_app(app_id)

    @pytest.fixture
    def other_app_components(self, open_app, app_id):
        return open_app(f"{app_id}, another")


class WithMemory(OnRabbitMq):
    transactional = False
    processes_share = False

    @pytest.fixture
    def components(self, rabbitmq_server, app_id):
        backend = with_rabbitmq(memory_backend(), settings(rabbitmq_server), app_id)
        yield backend
        backend.close()

    @pytest.fixture
    def other_app_components(self, rabbitmq_server, app_id):
        backend = with_rabbitmq(memory_backend(), settings(rabbitmq_server), f"{app_id}, another")
        yield backend
        backend.close()


class TestBroker(WithSQLite, conformance.BrokerConformance): ...


class TestUnit(WithSQLite, conformance.UnitConformance): ...


class TestIsolation(WithSQLite, conformance.IsolationConformance): ...


class TestBrokerWithRedis(WithRedis, conformance.BrokerConformance): ...


class TestUnitWithRedis(WithRedis, conformance.UnitConformance): ...


class TestIsolationWithRedis(WithRedis, conformance.IsolationConformance): ...


class TestBrokerWithMemory(WithMemory, conformance.BrokerConformance): ...


class TestUnitWithMemory(WithMemory, conformance.UnitConformance): ...


class TestIsolationWithMemory(WithMemory, conformance.IsolationConformance): ...
