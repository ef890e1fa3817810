"""The servers of tests: real, private, and gone with whoever started them."""

import socket
import ssl
import subprocess
import sys

import psutil
import pytest

from pynenc.testing.servers import RabbitMQServer, RedisServer, ServerMissingError
from pynenc.testing.servers.fixtures import make_server
from pynenc.testing.servers.server import find_program


def talk(server, *lines: str) -> str:
    with server.connect() as connection:
        connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
        answers = b""
        while answers.count(b"\r\n") < len(lines):
            answers += connection.recv(1000)
    return answers.decode()


@pytest.mark.parametrize("options", [{}, {"password": "secret"}, {"tls": True, "password": "secret"}], ids=str)
def test_redis_answers(options):
    with make_server(lambda: RedisServer(**options)) as server:
        login = ["AUTH secret"] if "password" in options else []
        assert talk(server, *login, "SET key value", "EXISTS key").endswith("+OK\r\n:1\r\n")
        assert server.url.startswith("rediss://" if "tls" in options else "redis://")


def test_redis_keeps_what_it_is_told_to_keep():
    with make_server(lambda: RedisServer(append_only=True)) as server:
        talk(server, "SET key value")
        server.kill()
        server.start()
        assert talk(server, "EXISTS key") == ":1\r\n"
    with RedisServer() as server:
        talk(server, "SET key value")
        server.restart()
        assert talk(server, "EXISTS key") == ":0\r\n"


def test_redis_refuses_what_does_not_fit():
    with make_server(lambda: RedisServer(max_memory="2mb")) as server:
        answers = [talk(server, f"SET key{number} {'x' * 20_000}") for number in range(200)]
        assert answers[0] == "+OK\r\n"
        assert "OOM" in answers[-1]


def test_a_paused_server_keeps_connections_and_does_not_answer():
    with make_server(RedisServer) as server, server.connect(seconds=0.1) as connection:
        server.pause()
        connection.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(10)
        server.resume()
        connection.settimeout(10)
        assert connection.recv(10) == b"+PONG\r\n"


def test_rabbitmq_answers_after_a_restart_on_the_same_port(rabbitmq_server):
    assert rabbitmq_server.control("list_vhosts").split() == ["name", "/"]
    with make_server(lambda: RabbitMQServer(tls=True)) as server:
        port, pid = server.port, server.pid
        server.restart()
        assert server.port == port
        assert server.pid != pid
        with server.connect() as connection:
            assert isinstance(connection, ssl.SSLSocket)
            assert connection.version() in ("TLSv1.2", "TLSv1.3")


def test_only_this_machine_reaches_a_server(rabbitmq_server, redis_server):
    processes = [psutil.Process(server.pid) for server in (rabbitmq_server, redis_server)]
    listening = {c.laddr.ip for p in processes for c in p.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


SESSION = """
import sys
from pynenc.testing.servers import RabbitMQServer, RedisServer
servers = [RedisServer().start(), RabbitMQServer().start()]
print("started", flush=True)
sys.stdin.read()
"""


def test_servers_die_with_a_session_that_is_killed(rabbitmq_server, redis_server):
    session = subprocess.Popen(
        [sys.executable, "-c", SESSION], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with session:
        assert session.stdout is not None
        assert session.stdout.readline() == "started\n"
        started = psutil.Process(session.pid).children(recursive=True)
        assert {"redis-server", "beam.smp", "epmd"} <= {process.name() for process in started}
        session.kill()
    assert psutil.wait_procs(started, timeout=20)[1] == []


def works_in(folder, process) -> bool:
    try:
        return str(folder) in process.cwd()
    except psutil.NoSuchProcess:
        return False  # What the server's start script ran, and has ended.


def test_a_closed_server_leaves_nothing_behind():
    server = make_server(RabbitMQServer).start()
    started = psutil.Process().children(recursive=True)
    mine = [process for process in started if works_in(server.folder, process)]
    server.close()
    assert psutil.wait_procs(mine, timeout=20)[1] == []
    assert not server.folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex((server.host, server.port)) != 0


def test_a_missing_program_is_a_reason_to_skip_but_not_where_everything_must_run(monkeypatch):
    def make() -> RedisServer:
        raise AssertionError(find_program("no-such-server", package="no-such-package"))

    with pytest.raises(ServerMissingError, match="apt-get install no-such-package"):
        make()
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception):
        make_server(make)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI is set"):
        make_server(make)
