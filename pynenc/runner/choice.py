"""Which runner an application has."""

from collections.abc import Mapping
from typing import Any, Final

from pynenc.exceptions import ConfigError
from pynenc.lazy import load
from pynenc.runner.base_runner import BaseRunner

#: Class name -> ``module:class``.
RUNNERS: Final[Mapping[str, str]] = {
    "ThreadRunner": "pynenc.runner.thread_runner:ThreadRunner",
    "MultiThreadRunner": "pynenc.runner.multi_thread_runner:MultiThreadRunner",
    "ProcessRunner": "pynenc.runner.process_runner:ProcessRunner",
    "PersistentProcessRunner": "pynenc.runner.persistent_process_runner:PersistentProcessRunner",
    "DummyRunner": "pynenc.runner.dummy_runner:DummyRunner",
    "ExternalRunner": "pynenc.runner.dummy_runner:ExternalRunner",
}


def make_runner(app: Any, name: str | None) -> BaseRunner:
    """The runner called ``name``; without a name the one that fits the components.

    Raises:
        ConfigError: there is no such runner.
    """
    if name is None:
        shared = app.assembled.backend.capabilities.shared_between_processes
        name = "PersistentProcessRunner" if shared else "ThreadRunner"
    if name not in RUNNERS:
        raise ConfigError(f"runner_cls is {name!r}, which is not known. Use one of {', '.join(sorted(RUNNERS))}.")
    cls: type[BaseRunner] = load(RUNNERS[name])
    return cls(app)
