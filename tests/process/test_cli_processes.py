"""The command line as a process: signals, pipes, start-up, and two terminals that see the same state."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pynenc.testing import wait_until
from tests.seeds.program_folder import IMPORT_PATH, PYNENC, ProgramFolder

TASKS = """\
from pathlib import Path

from pynenc import Pynenc

app = Pynenc(app_id="shop")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def fail(message: str) -> None:
    raise ValueError(message)
"""

#: No command takes a tenth of it.
TIMEOUT_SECONDS = 60


@pytest.fixture
def folder(tmp_path):
    made = ProgramFolder(tmp_path / "project")
    made.write("tasks.py", TASKS)
    return made


def start(folder, *arguments, program=PYNENC):
    """Start a command."""
    return subprocess.Popen(
        (*program, *arguments),
        cwd=folder.folder,
        env={**os.environ, "PYTHONPATH": IMPORT_PATH, **folder.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder, *arguments, program=PYNENC):
    """Run a command: its exit code, what it printed, what it said."""
    process = start(folder, *arguments, program=program)
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return process.returncode, out, err


def test_call_show_and_result_across_processes(folder):
    with folder.runner("pynenc runner start --processes 1"):
        code, out, err = run(folder, "call", "tasks.add", "1", "y=2", "--wait", "--timeout", "30")
        assert (code, out) == (0, "3\n"), err
        code, out, err = run(folder, "call", "tasks.fail", "no luck", "--wait", "--timeout", "30")
        assert (code, out) == (1, "")
        assert err.endswith("ValueError: no luck\n")
        _, out, _ = run(folder, "invocations", "list", "--status", "failed", "-o", "id")
        [failed] = out.split()
        _, out, _ = run(folder, "--app=tasks.app", "invocations", "show", failed, "--json")
        assert json.loads(out)["attempts"][0]["error_type"] == "builtins.ValueError"
        code, out, err = run(folder, "doctor")
        assert code == 0, out + err
        _, out, _ = run(folder, "tasks", "list", "--json")
        assert [task["published"] for task in json.loads(out)] == [True, True]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_runner_that_is_asked_to_stop_ends_well(folder, number):
    log = folder.folder / "runner.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            (*PYNENC, "runner", "start", "--class", "ThreadRunner"),
            cwd=folder.folder,
            env={**os.environ, "PYTHONPATH": IMPORT_PATH},
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_until(lambda: " started (" in log.read_text(), TIMEOUT_SECONDS, "the runner to start")
        process.send_signal(number)
        assert process.wait(TIMEOUT_SECONDS) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert f"stopping: signal {number.name}" in log.read_text()


def test_an_interrupted_command(folder):
    run(folder, "call", "tasks.add", "1", "2")
    process = start(folder, "invocations", "tail", "--from", "0")
    assert process.stdout is not None
    assert "registered" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, err) == (130, "\nInterrupted\n")


def test_a_reader_that_has_enough(folder):
    command = " ".join(f"'{word}'" for word in (*PYNENC, "status", "render"))
    ran = subprocess.run(
        ("sh", "-c", f"{command} | true"),
        cwd=folder.folder,
        env={**os.environ, "PYTHONPATH": IMPORT_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("", "")


def test_discovery_executes_only_what_it_selects(folder):
    folder.write("cleanup.py", "from pathlib import Path\n\nPath('executed').touch()  # Pynenc is mentioned here")
    code, out, _ = run(folder, "show_config")
    assert code == 0
    assert " - location: auto-discovered app_id=shop\n" in out
    assert not (folder.folder / "executed").exists()


def test_the_modules_of_the_working_directory_are_found_by_the_script_and_by_python_m(folder):
    folder.write("pack/__init__.py", "")
    folder.write("pack/tasks.py", TASKS.replace('"shop"', '"packed"'))
    module = (sys.executable, "-m", "pynenc")
    for program in (PYNENC, module):
        for spec in ("pack.tasks", "pack.tasks.app", "pack.tasks:app", "pack/tasks.py", "pack/tasks.py:app"):
            code, out, err = run(folder, "show_config", "--app", spec, program=program)
            assert (code, " - id: packed\n" in out) == (0, True), err


def test_an_import_error_is_the_users(folder):
    folder.write("broken.py", "import no_such_thing")
    code, out, err = run(folder, "--app=broken:app", "runner", "start")
    assert (code, out) == (1, "")
    assert err.startswith("Failed to load application: importing 'broken' failed.\nTraceback")
    assert err.rstrip().endswith("ModuleNotFoundError: No module named 'no_such_thing'")
    assert str(Path(IMPORT_PATH) / "pynenc") not in err


def test_commands_that_need_no_application_import_none(folder):
    """Start-up in a fraction of the time. (What ``import pynenc`` itself imports is not theirs.)"""
    program = folder.write(
        "lean.py",
        "import sys, types",
        "bare = sys.modules['pynenc'] = types.ModuleType('pynenc')",
        f"bare.__path__ = ['{IMPORT_PATH}/pynenc']",
        "from pynenc.cli.main import main",
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass",
        "heavy = {'pynenc.app', 'pydantic', 'sqlite3', 'asyncio', 'importlib.metadata'} & set(sys.modules)",
        "print(sorted(heavy), file=sys.stderr)",
    )
    for arguments in (("status", "render"), ("--help",), ("completion", "bash"), ("nonsense",)):
        _, _, err = run(folder, str(program), *arguments, program=(sys.executable,))
        assert err.splitlines()[-1] == "[]", arguments


def test_a_store_that_cannot_be_opened(folder):
    (folder.folder / "state.db").write_text("this is no database, but it is long enough to be taken for one" * 20)
    folder.environ["PYNENC__SQLITE_DB_PATH"] = "state.db"
    code, out, err = run(folder, "invocations", "list")
    assert (code, out) == (69, "")
    assert "state.db" in err
    assert "Traceback" not in err
