"""A server as a child process: started, stopped, killed and paused by its process id."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pynenc.testing.servers import guard

#: How long a server may take for an orderly end before it is killed.
STOP_SECONDS = 20.0


class GuardedProcess:
    """One running command with all its children; gone when this process is gone."""

    def __init__(
        self, command: Sequence[str], *, log: Path, folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        with log.open("ab") as output:
            # The guard needs the standard library alone, and starts faster without the rest.
            self._guard = subprocess.Popen(  # noqa: S603 - the command of a test session
                [sys.executable, "-I", "-S", guard.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=folder,
                env=env,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        line = self._guard.stdout.readline()
        if not line:
            self._close()
            raise RuntimeError(f"{command[0]} could not be started: {log.read_text(errors='replace')[-2000:]}")
        #: Of the server itself.
        self.pid = int(line)

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._guard.poll() is None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Ask it to end, in order; it is killed when it takes too long."""
        if self.is_running():
            os.kill(self.pid, signal.SIGTERM)
            self.resume()
            if not self.wait(STOP_SECONDS):
                self._signal(signal.SIGKILL)
        self._close()

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)
        self._close()

    def pause(self) -> None:
        """Have it stand still, as a machine does that is too busy or out of reach; its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running():
            os.killpg(self.pid, number)

    def _close(self) -> None:
        """Let the guard go, which ends what still runs."""
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()
        self._guard.wait()
