"""The fork server with real processes: what it makes, who dies with whom, what is left over."""

import gc
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from pynenc.exceptions import ForkServerError
from pynenc.runner import fork_server_process
from pynenc.runner.child_process import UNKNOWN_STATUS
from pynenc.runner.fork_server import ForkServer
from pynenc.runner.fork_server_process import ChildExit, ForkedChild

#: Nothing here takes a tenth of it, also on a loaded machine.
DEADLINE_SECONDS = 30.0

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _app_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


@pytest.fixture
def make_server() -> Iterator[Callable[..., ForkServer]]:
    servers: list[ForkServer] = []

    def make(function: str = "bootstrap", payload: bytes = b"", **options: float) -> ForkServer:
        servers.append(ForkServer(f"fork_server_app:{function}", payload, name="test", **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(params=[b"", b"no handles"], ids=["handles", "no handles"])
def server(make_server: Callable[..., ForkServer], request: pytest.FixtureRequest) -> ForkServer:
    """A started server; on systems without process handles, too."""
    server = make_server(payload=request.param)
    server.start()
    return server


def receive(child: ForkedChild) -> dict[str, object]:
    """The next message of a child, which must come."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (messages := child.receive()):
        assert not child.closed, "the child is gone"
        assert select.select([child], [], [], deadline - time.monotonic())[0], "the child says nothing"
    (message,) = messages
    return dict(message)


def wait_for_exits(server: ForkServer, count: int) -> list[ChildExit]:
    deadline = time.monotonic() + DEADLINE_SECONDS
    exits = server.exits()
    while len(exits) < count:
        assert select.select([server], [], [], deadline - time.monotonic())[0], f"only {exits}"
        exits += server.exits()
    return exits


def server_pid(server: ForkServer) -> int:
    assert server._process is not None
    return server._process._process.pid


def kill_server(server: ForkServer) -> None:
    with Watched(server_pid(server)) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait_until_gone()


class Watched:
    """A process that need not be our child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def wait_until_gone(self) -> None:
        assert select.select([self._handle], [], [], DEADLINE_SECONDS)[0], f"process {self.pid} lives on"

    @property
    def gone(self) -> bool:
        return bool(select.select([self._handle], [], [], 0)[0])


def wait_until_reaped(pid: int) -> None:
    """Its parent has taken note of its end."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} is not reaped"
        os.sched_yield()


def count_open_files(pid: int | str = "self") -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


# --- the life of a child ----------------------------------------------------------------------------------------------


def test_a_child_gets_its_arguments_talks_and_reports_its_exit_code(server: ForkServer) -> None:
    with closing(server.fork({"do": "echo", "slot": 1})) as child:
        assert child.arguments == {"do": "echo", "slot": 1}
        assert child.send({"text": "ü \ud800", "list": [1, None, 2.5]})
        assert receive(child) == {"text": "ü \ud800", "list": [1, None, 2.5]}
        assert child.wait(0) is None
        assert child.send({"stop": 5})
        assert wait_for_exits(server, 1) == [(child.pid, 5)]
        assert child.status == child.wait(0) == 5
        assert server.exits() == []


def test_a_message_may_be_larger_than_any_buffer(server: ForkServer) -> None:
    text = "x" * 5_000_000
    with closing(server.fork({"do": "echo", "text": text})) as child:
        assert child.send({"text": text})
        assert receive(child) == {"text": text}


def test_a_child_may_die_before_it_says_anything(server: ForkServer) -> None:
    with closing(server.fork({"do": "die"})) as child:
        assert child.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        assert child.receive() == []
        assert not child.send({})
        assert server.exits() == [(child.pid, -signal.SIGKILL)]
        child.kill()  # does nothing


def test_the_last_words_of_a_child_can_be_received_after_its_exit(server: ForkServer) -> None:
    with closing(server.fork({"do": "describe"})) as child:
        assert child.wait(DEADLINE_SECONDS) == 0
        assert receive(child)["pid"] == child.pid
        child.receive()
        assert child.closed


def test_an_error_in_the_main_function_of_a_child_is_printed_and_is_exit_code_1(
    make_server: Callable[..., ForkServer], capfd: pytest.CaptureFixture[str]
) -> None:
    server = make_server()
    server.start()
    with closing(server.fork({"do": "fail"})) as child:
        assert child.wait(DEADLINE_SECONDS) == 1
    assert "LookupError: a bug in the child" in capfd.readouterr().err


def test_sys_exit_ends_a_child_as_it_ends_a_program(
    make_server: Callable[..., ForkServer], capfd: pytest.CaptureFixture[str]
) -> None:
    server = make_server()
    server.start()
    with closing(server.fork({"do": "leave"})) as child:
        assert child.wait(DEADLINE_SECONDS) == 1
    assert capfd.readouterr().err == "the child leaves\n"


def test_a_child_that_is_killed_is_gone(server: ForkServer) -> None:
    with closing(server.fork({"do": "be_deaf"})) as child, Watched(child.pid) as process:
        receive(child)
        child.kill()
        assert child.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        assert process.gone


def test_waiting_for_one_child_keeps_what_is_heard_of_the_others(server: ForkServer) -> None:
    with closing(server.fork({"do": "exit", "status": 1})) as first, closing(server.fork({"do": "echo"})) as second:
        wait_until_reaped(first.pid)
        second.send({"stop": 2})
        assert second.wait(DEADLINE_SECONDS) == 2
        assert sorted(server.exits()) == sorted([(first.pid, 1), (second.pid, 2)])


def test_a_child_receives_with_a_time_limit(server: ForkServer) -> None:
    with closing(server.fork({"do": "timed"})) as child:
        assert receive(child) == {"message": None, "closed": False}
        child.close()
        assert child.wait(DEADLINE_SECONDS) == 9


# --- what a child finds -----------------------------------------------------------------------------------------------


def test_a_child_has_the_surroundings_of_its_supervisor(server: ForkServer, tmp_path: Path) -> None:
    with closing(server.fork({"do": "describe"})) as child:
        found = receive(child)
    assert found["path"] == sys.path
    assert found["argv"] == sys.argv
    assert found["directory"] == str(tmp_path)
    assert found["input"] == ""
    assert found["threads"] == 1


@pytest.mark.parametrize("function", ["bootstrap", "changes_signals"])
def test_a_child_ignores_sigint_and_has_the_defaults_otherwise(
    make_server: Callable[..., ForkServer], function: str
) -> None:
    server = make_server(function)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    try:
        server.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with closing(server.fork({"do": "describe"})) as child:
        found = receive(child)
    assert found["signals"] == {"SIGINT": signal.SIG_IGN, "SIGTERM": signal.SIG_DFL, "SIGCHLD": signal.SIG_DFL}
    assert found["blocked"] == 0


def test_a_child_has_one_socket_whatever_its_siblings_have(server: ForkServer) -> None:
    siblings = [server.fork({"do": "echo"}) for _ in range(5)]
    with closing(server.fork({"do": "describe"})) as child:
        files = receive(child)["files"]
    for sibling in siblings:
        sibling.close()
    assert isinstance(files, list)
    assert files.count("socket") == 1
    assert len(files) == 4, "its standard files and its line"


def test_children_draw_different_random_numbers(make_server: Callable[..., ForkServer]) -> None:
    server = make_server("has_numpy")
    server.start()
    children = [server.fork({}) for _ in range(3)]
    found = [receive(child) for child in children]
    for child in children:
        child.close()
    assert len({message["random"] for message in found}) == 3
    assert all(message["seeded"] for message in found)


def test_what_was_printed_while_loading_is_printed_once(
    make_server: Callable[..., ForkServer], capfd: pytest.CaptureFixture[str]
) -> None:
    server = make_server("prints")
    server.start()
    children = [server.fork({}) for _ in range(3)]
    wait_for_exits(server, 3)
    for child in children:
        child.close()
    server.close()
    assert capfd.readouterr().out == "loaded\n"


def test_exit_handlers_run_in_the_process_that_registered_them(
    make_server: Callable[..., ForkServer], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    server = make_server("leaves_exit_handlers", str(log).encode())
    server.start()
    with closing(server.fork({})) as child:
        assert child.wait(DEADLINE_SECONDS) == 0
    assert log.read_text() == "child\n"
    server.close()
    assert log.read_text() == "child\nserver\n"


# --- the start --------------------------------------------------------------------------------------------------------


def test_an_error_in_the_users_module_is_raised_with_its_traceback(
    make_server: Callable[..., ForkServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.py").write_text("import json\n\nprice = 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    server = ForkServer("shop:bootstrap", b"", name="test")
    with pytest.raises(ForkServerError) as caught:
        server.start()
    text = str(caught.value)
    assert "'test' could not load shop:bootstrap: ZeroDivisionError: division by zero." in text
    assert "price = 1 / 0" in text
    assert "fork_server_main" not in text
    assert not server.alive


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("exits", "SystemExit: no configuration here"),
        ("missing", "AttributeError: module 'fork_server_app' has no attribute 'missing'"),
        ("returns_nothing", "returned None, not the main function"),
        ("dies", "ended with status 3 while it loaded fork_server_app:dies"),
    ],
)
def test_a_start_that_fails_says_why(make_server: Callable[..., ForkServer], function: str, reason: str) -> None:
    with pytest.raises(ForkServerError, match=reason):
        make_server(function).start()


def test_a_module_that_waits_for_something_does_not_keep_the_supervisor(
    make_server: Callable[..., ForkServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server_process, "END_LIMIT_SECONDS", 0.05)
    with pytest.raises(ForkServerError, match=r"did not load fork_server_app:hangs within 0\.5 s"):
        make_server("hangs", load_limit_seconds=0.5).start()


def test_threads_started_while_loading_are_named_once(
    make_server: Callable[..., ForkServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server("starts_threads")
    server.start()
    kill_server(server)
    server.start()
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "metrics-flusher" in warnings[0]


def test_starting_twice_and_closing_twice_is_once(server: ForkServer) -> None:
    pid = server_pid(server)
    server.start()
    assert server_pid(server) == pid
    server.close()
    server.close()
    assert not server.alive
    with pytest.raises(ForkServerError, match="start it first"):
        server.fork({})


# --- what the system refuses, and what a child does wrong -------------------------------------------------------------


def test_a_refused_process_is_an_error_that_names_the_limit(make_server: Callable[..., ForkServer]) -> None:
    server = make_server(payload=b"no processes")
    server.start()
    files = count_open_files()
    with pytest.raises(ForkServerError, match=r"cannot make a process beside its 0 others: .*ulimit -u"):
        server.fork({})
    assert server.alive
    assert count_open_files() == files


def test_arguments_that_are_no_json_cost_no_process(server: ForkServer) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        server.fork({"do": object()})  # type: ignore[dict-item] # pyright: ignore[reportArgumentType]
    with closing(server.fork({"do": "exit", "status": 4})) as child:
        assert wait_for_exits(server, 1) == [(child.pid, 4)]


def test_a_child_that_writes_rubbish_loses_its_line_and_nothing_else(server: ForkServer) -> None:
    with closing(server.fork({"do": "babble"})) as child, closing(server.fork({"do": "echo"})) as sibling:
        assert select.select([child], [], [], DEADLINE_SECONDS)[0]
        assert child.receive() == []
        assert child.closed
        assert child.wait(DEADLINE_SECONDS) == 9
        sibling.send({"still": "here"})
        assert receive(sibling) == {"still": "here"}


def test_a_child_that_does_not_read_does_not_keep_its_supervisor(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server_process, "SEND_LIMIT_SECONDS", 0.05)
    with closing(server.fork({"do": "be_deaf"})) as child:
        receive(child)
        assert not child.send({"text": "x" * 5_000_000})
        assert child.closed
        child.kill()
        assert child.wait(DEADLINE_SECONDS) == -signal.SIGKILL


def test_a_process_that_a_child_leaves_behind_does_not_hold_its_line(server: ForkServer) -> None:
    with closing(server.fork({"do": "leave_a_process"})) as child:
        pid = receive(child)["process"]
        assert isinstance(pid, int)
        assert child.wait(DEADLINE_SECONDS) == 0
        assert select.select([child], [], [], DEADLINE_SECONDS)[0]
        assert child.receive() == []
        assert child.closed
    os.kill(pid, signal.SIGKILL)


def test_a_daemon_of_multiprocessing_ends_with_the_child_that_started_it(server: ForkServer) -> None:
    with closing(server.fork({"do": "start_a_daemon"})) as child:
        pid = receive(child)["process"]
        assert isinstance(pid, int)
        with Watched(pid) as process:
            child.send({})
            assert child.wait(DEADLINE_SECONDS) == 0
            process.wait_until_gone()


def test_fifty_children_leave_no_open_file(server: ForkServer) -> None:
    def count() -> tuple[int, int]:
        gc.collect()  # what other tests have left
        return count_open_files(), count_open_files(server_pid(server))

    before = count()
    children = [server.fork({"do": "exit", "status": 0}) for _ in range(50)]
    exits = wait_for_exits(server, 50)
    for child in children:
        child.close()
    assert sorted(exits) == sorted((child.pid, 0) for child in children)
    assert count() == before


def test_exits_that_nobody_reads_do_not_stop_the_server(server: ForkServer) -> None:
    # More than the socket buffer holds (each small message counts for most of a kilobyte there).
    for _ in range(400):
        server.fork({"do": "exit", "status": 0}).close()
    assert len(wait_for_exits(server, 400)) == 400


# --- who dies with whom -----------------------------------------------------------------------------------------------


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process group of its own; with it ends what it left behind."""
    program = f"import sys; sys.path[:] = {sys.path!r}; from fork_server_supervisor import main; main()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
        process.kill()


def test_nothing_outlives_a_killed_supervisor(supervisor: subprocess.Popen[str]) -> None:
    assert supervisor.stdout is not None
    *made, bystander = map(int, supervisor.stdout.readline().split())
    watched = [Watched(pid) for pid in made]
    assert not any(process.gone for process in watched)
    supervisor.kill()
    for process in watched:
        with process:
            process.wait_until_gone()
    # A process that the supervisor's program forked for itself lives, and has held nothing of all this open.
    with Watched(bystander) as process:
        assert not process.gone
        os.kill(bystander, signal.SIGKILL)


def test_an_interrupt_from_the_terminal_is_left_to_the_supervisor(supervisor: subprocess.Popen[str]) -> None:
    assert supervisor.stdout is not None
    assert supervisor.stdin is not None
    server, *_, bystander = map(int, supervisor.stdout.readline().split())
    os.killpg(supervisor.pid, signal.SIGINT)
    supervisor.stdin.write("hello\n")
    supervisor.stdin.flush()
    assert supervisor.stdout.readline() == "all heard\n"
    with Watched(server) as process:
        assert not process.gone
    os.kill(bystander, signal.SIGKILL)


def test_sigterm_ends_the_server(server: ForkServer) -> None:
    with Watched(server_pid(server)) as process:
        os.kill(process.pid, signal.SIGTERM)
        process.wait_until_gone()
    with pytest.raises(ForkServerError, match=r"ended with status -15 before it made a process"):
        server.fork({})
    assert not server.alive


def test_children_of_a_killed_server_go_on_and_are_reported_when_they_are_gone(server: ForkServer) -> None:
    ended, child = server.fork({"do": "exit", "status": 6}), server.fork({"do": "echo"})
    # The server has said how it ended, for only the server knows.
    assert select.select([server], [], [], DEADLINE_SECONDS)[0]
    kill_server(server)

    assert server.exits() == [(ended.pid, 6)]
    assert not server.alive
    server.start()
    child.send({"still": "here"})
    assert receive(child) == {"still": "here"}
    assert server.exits() == []
    successor = server.fork({"do": "exit", "status": 7})
    assert wait_for_exits(server, 1) == [(successor.pid, 7)]

    child.send({"stop": 0})
    assert select.select([child], [], [], DEADLINE_SECONDS)[0]
    assert server.exits() == [(child.pid, UNKNOWN_STATUS)]
    assert child.status == UNKNOWN_STATUS
    for each in (ended, child, successor):
        each.close()


def test_a_child_that_hung_up_is_not_taken_for_gone(make_server: Callable[..., ForkServer]) -> None:
    server = make_server()
    server.start()
    with closing(server.fork({"do": "hang_up"})) as child:
        receive(child)
        kill_server(server)
        assert server.exits() == []
        assert child.wait(0.05) is None
        child.kill()
        assert child.wait(DEADLINE_SECONDS) == UNKNOWN_STATUS
        assert server.exits() == [(child.pid, UNKNOWN_STATUS)]


def test_a_child_of_a_killed_server_can_be_killed(server: ForkServer) -> None:
    with closing(server.fork({"do": "echo"})) as child, Watched(child.pid) as process:
        kill_server(server)
        child.kill()
        assert child.wait(DEADLINE_SECONDS) == UNKNOWN_STATUS
        process.wait_until_gone()


def test_closing_ends_the_children_as_well(server: ForkServer) -> None:
    children = [server.fork({"do": "echo"}) for _ in range(3)]
    watched = [Watched(child.pid) for child in children]
    server.close()
    for process in watched:
        with process:
            process.wait_until_gone()
    assert [child.wait(DEADLINE_SECONDS) for child in children] == [None, None, None]
