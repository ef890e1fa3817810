"""A folder as a user has it: modules, programs that are run in it, and a runner that the command line starts in it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pynenc
from pynenc.testing import wait_until

#: No program here takes a tenth of it.
PROGRAM_TIMEOUT_SECONDS = 60
#: A runner that was asked to stop has a grace time of 8 s.
STOP_TIMEOUT_SECONDS = 20

#: What a console script does: the working directory is not on its import path.
PYNENC = (sys.executable, "-P", "-c", "import sys; from pynenc.cli.main import main; sys.exit(main())")

#: Where the package under test is.
IMPORT_PATH = str(Path(pynenc.__file__).parents[1])

#: Components in memory and threads, chosen through the environment.
IN_MEMORY = {
    "PYNENC__ORCHESTRATOR_CLS": "MemOrchestrator",
    "PYNENC__BROKER_CLS": "MemBroker",
    "PYNENC__STATE_BACKEND_CLS": "MemStateBackend",
    "PYNENC__RUNNER_CLS": "ThreadRunner",
}

#: Code for a program that has imported `tasks`: a runner in the same process.
START_RUNNER = """\
import threading

thread = threading.Thread(target=tasks.app.runner.run, daemon=True)
thread.start()"""

STOP_RUNNER = """\
tasks.app.runner.stop_runner_loop()
thread.join()"""


class ProgramFolder:
    """A temporary project; nothing in it sees the configuration of another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        #: Settings for everything that is started here.
        self.environ: dict[str, str] = {}
        # The nearest pyproject.toml: no other is looked for further up.
        self.write("pyproject.toml", "")

    def write(self, name: str, *pieces: str) -> Path:
        """Make a file of pieces of code."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")
        return path

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> "Ran":
        """Run Python with these arguments; it must succeed."""
        command = (sys.executable, "-W", "error", *arguments)
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environ(environ),
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT_SECONDS,
            check=False,
        )
        assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}{ran.stderr}"
        return Ran(ran.stdout, ran.stderr)

    @contextmanager
    def runner(self, command: str, environ: Mapping[str, str] | None = None) -> Iterator["StartedRunner"]:
        """Start a runner with a command line; afterwards it must stop when it is told to, without complaint."""
        program, *arguments = command.split()
        assert program == "pynenc"
        log = self.folder / "runner.log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                (*PYNENC, *arguments), cwd=self.folder, env=self._environ(environ), stdout=stream, stderr=stream
            )
        started = StartedRunner(process, log)
        try:
            wait_until(started.is_ready, PROGRAM_TIMEOUT_SECONDS, f"{command}\n{started.log()}")
            yield started
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_TIMEOUT_SECONDS) == 0, started.log()
        finally:
            process.kill()
            process.wait()

    def _environ(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": IMPORT_PATH, **self.environ, **(extra or {})}


class Ran:
    """What a program printed."""

    def __init__(self, output: str, errors: str) -> None:
        self.output = output
        self.errors = errors

    @property
    def lines(self) -> Sequence[str]:
        """The lines of its standard output."""
        return self.output.splitlines()


class StartedRunner:
    """A runner in another process."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    def log(self) -> str:
        """Everything it has written."""
        return self._log.read_text(encoding="utf-8")

    def is_ready(self) -> bool:
        """Whether it says so; it must not have ended before."""
        assert self.process.poll() is None, self.log()
        return " started (" in self.log()
