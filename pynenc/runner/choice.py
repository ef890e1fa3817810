"""Which runner an application has."""

from typing import Any

from pynenc.exceptions import ConfigError
from pynenc.runner.base_runner import BaseRunner
from pynenc.runner.dummy_runner import DummyRunner, ExternalRunner
from pynenc.runner.multi_thread_runner import MultiThreadRunner
from pynenc.runner.persistent_process_runner import PersistentProcessRunner
from pynenc.runner.process_runner import ProcessRunner
from pynenc.runner.thread_runner import ThreadRunner

RUNNERS: dict[str, type[BaseRunner]] = {
    cls.__name__: cls
    for cls in (
        ThreadRunner,
        MultiThreadRunner,
        ProcessRunner,
        PersistentProcessRunner,
        DummyRunner,
        ExternalRunner,
    )
}


def make_runner(app: Any, name: str | None) -> BaseRunner:
    """The runner called ``name``; without a name the one that fits the components.

    Raises:
        ConfigError: there is no such runner.
    """
    if name is None:
        shared = app.assembled.backend.capabilities.shared_between_processes
        name = "PersistentProcessRunner" if shared else "ThreadRunner"
    cls = RUNNERS.get(name)
    if cls is None:
        raise ConfigError(f"runner_cls is {name!r}, which is not known. Use one of {', '.join(sorted(RUNNERS))}.")
    return cls(app)
