"""Runs the example without Docker: a server and two runners on this machine, then the client.

python examples/distributed/run.py             everything in Redis
python examples/distributed/run.py rabbitmq    the queues in RabbitMQ, everything else in Redis

Needs redis-server (and rabbitmq-server), and the plugins: pip install ./plugins/pynenc-redis ./plugins/pynenc-rabbitmq
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pynenc.testing.servers import RabbitMQServer, RedisServer

HERE = Path(__file__).parent
RUNNERS = 2


def main(product: str) -> int:
    """Start servers and runners, run the client, stop everything; the client's exit code."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(append_only=True, password=secrets.token_hex(16)))
        settings = {
            "PYNENC__REDIS__REDIS_URL": f"{redis.url}/0",
            # Whoever can write to Redis cannot make the runners run code of theirs.
            "PYNENC__PAYLOAD_SIGNING_KEYS": f"example:{secrets.token_hex(32)}",
            "PYNENC__PROCESSRUNNER__MAX_PROCESSES": "2",
        }
        if product == "rabbitmq":
            rabbitmq = stack.enter_context(RabbitMQServer())
            settings |= {
                "PYNENC__BROKER_CLS": "RabbitMqBroker",
                "PYNENC__RABBITMQ__RABBITMQ_HOST": f"{rabbitmq.host}:{rabbitmq.port}",
                "PYNENC__RABBITMQ__RABBITMQ_USERNAME": rabbitmq.user,
                "PYNENC__RABBITMQ__RABBITMQ_PASSWORD": rabbitmq.password,
            }
        environment = {**os.environ, **settings}
        for _ in range(RUNNERS):
            stack.enter_context(runner(environment))
        print("runners:", RUNNERS, flush=True)
        return subprocess.run((sys.executable, "client.py"), cwd=HERE, env=environment, check=False).returncode


@contextmanager
def runner(environment: dict[str, str]) -> Iterator[None]:
    """A runner, as on a machine of its own; its log goes to standard error."""
    command = (sys.executable, "-m", "pynenc", "--app=tasks.app", "runner", "start")
    process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
        command, cwd=HERE, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "redis"))
