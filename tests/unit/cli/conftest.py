"""A project in a folder, and the command line run in this process."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from pynenc import Pynenc
from pynenc.cli.main import main
from tests.unit.cli.command_line import Ran

#: One thread: a parent always pauses for its child. Silent: what a command prints is all there is.
SETTINGS = {"app_id": "shop", "orchestrator_cls": "MemOrchestrator", "max_threads": 1, "logging_level": "critical"}

TASKS = f"""\
from pynenc import Pynenc

app = Pynenc({SETTINGS})


@app.task
def add(x: int, y: int) -> int:
    '''Add two numbers.'''
    return x + y


@app.task(queue="mail", max_retries=2)
def send(to: str, password: str = "") -> None:
    raise ValueError(f"no mailbox {{to}}")


@app.task
def twice(x: int) -> int:
    return add(x, x).result
"""


@pytest.fixture
def pynenc(capsys, monkeypatch, _forget_modules):
    """Runs ``pynenc ...`` in this process."""
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def _forget_modules(monkeypatch):
    """What a command imported is gone afterwards, and the path is as it was."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions of a file within one second are two files
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(getattr(module, "__file__", "")).startswith(str(Path.cwd())):
            for value in vars(module).values():
                if isinstance(value, Pynenc):
                    value.close()
            del sys.modules[name]


@pytest.fixture
def write():
    """Makes a file in the working directory."""

    def make(name: str, text: str) -> Path:
        path = Path.cwd() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return make


@pytest.fixture
def shop(pynenc, write) -> Any:
    """The application of a project with a few tasks, with its state in memory, as the command line sees it."""
    write("tasks.py", TASKS)
    assert pynenc("tasks", "list").code == 0
    return sys.modules["tasks"]
