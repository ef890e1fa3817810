"""The peers: where each lives, and how its workers are started."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

#: Environments of the peers (made by peers.sh), logs and results.
HOME = Path(os.environ.get("BENCH_HOME") or Path.home() / ".cache" / "pynenc-bench")

#: How many worker processes are wanted, and in which variant -> the commands that start them.
Commands = Callable[[int, str], list[list[str]]]


class Store(StrEnum):
    """Where a peer keeps its queue and its results."""

    MEMORY = "memory"
    SQLITE = "sqlite"
    REDIS = "redis"
    #: The queue on RabbitMQ, results on Redis.
    RABBITMQ = "rabbitmq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One product in one arrangement."""

    environment: str
    module: str
    store: Store
    #: No command means that the client starts its workers itself, within its process or below it.
    commands: Commands = field(default=lambda _workers, _variant: [])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    #: The statement that the measure "import" times: what a user's module begins with.
    imports: str


def huey(store: Store) -> Peer:
    """Describe Huey with worker processes, since its threads would share one interpreter."""

    def commands(workers: int, variant: str) -> list[list[str]]:
        start = ["huey_consumer", "huey_app.huey", "-q", "-k", "process", "-w", str(workers)]
        # By default a worker looks every 100 ms, and less often the longer it finds nothing.
        return [[*start, "-d", "0.005", "-m", "0.005"] if variant == "tuned" else start]

    return Peer(
        environment="huey", module="huey", store=store, imports="from huey import SqliteHuey", commands=commands
    )


def celery(store: Store) -> Peer:
    """Describe Celery with worker processes, its default."""
    return Peer(
        environment="celery",
        module="celery",
        store=store,
        imports="from celery import Celery",
        commands=lambda workers, _variant: [
            ["celery", "-A", "celery_app", "worker", "-c", str(workers), "-l", "WARNING"]
        ],
    )


def ours(store: Store, runner: str) -> Peer:
    """Describe this checkout with one runner on one store."""
    start = ["pynenc", "--app", "pynenc_app.app", "runner", "start"]
    return Peer(
        environment="ours",
        module="pynenc",
        store=store,
        imports="from pynenc import Pynenc",
        variables={"BENCH_RUNNER": runner},
        commands=lambda _workers, _variant: [] if store is Store.MEMORY else [start],
    )


PEERS: dict[str, Peer] = {
    "ours-sqlite-ppr": ours(Store.SQLITE, "persistent_process"),
    "ours-redis-ppr": ours(Store.REDIS, "persistent_process"),
    "ours-rabbitmq-ppr": ours(Store.RABBITMQ, "persistent_process"),
    "ours-mem-thread": ours(Store.MEMORY, "thread"),
    "huey-sqlite": huey(Store.SQLITE),
    "huey-redis": huey(Store.REDIS),
    "dask": Peer(environment="dask", module="dask", store=Store.MEMORY, imports="from dask.distributed import Client"),
    "celery": celery(Store.REDIS),
    "celery-rabbitmq": celery(Store.RABBITMQ),
    "arq": Peer(
        environment="arq",
        module="arq",
        store=Store.REDIS,
        imports="from arq import create_pool",
        commands=lambda workers, _variant: [["arq", "arq_app.WorkerSettings"]] * workers,
    ),
}
