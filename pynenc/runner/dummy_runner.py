"""DummyRunner: for processes that only call."""

from pynenc.exceptions import RunnerNotExecutableError
from pynenc.runner.base_runner import BaseRunner


class DummyRunner(BaseRunner):
    """Executes nothing; the process is a client."""

    def run(self) -> None:
        """Not possible.

        Raises:
            RunnerNotExecutableError: always.
        """
        raise RunnerNotExecutableError(
            f"DummyRunner of app {self.app.app_id!r} cannot be started, use another runner: set runner_cls, "
            "or call a builder method such as thread_runner() or persistent_process_runner()"
        )

    def _run_once(self) -> None:
        raise NotImplementedError


class ExternalRunner(DummyRunner):
    """What a client process is in histories and logs."""
