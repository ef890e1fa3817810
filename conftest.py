"""What holds for every test, of plugins too: no configuration and no working directory of whoever runs them."""

import logging
import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import settings

from pynenc.module_loggers import MODULES

pytest_plugins = ["pynenc.testing.servers.fixtures"]

# An app reads its settings from these; a test that wants one sets it itself.
for _name in [name for name in os.environ if name.upper().startswith("PYNENC")]:
    del os.environ[_name]

# Hypothesis' own profile for continuous integration, everywhere: the same examples each time, no deadline (a loaded
# machine is no failure), and a failing example is printed with how to replay it.
settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _own_working_directory(tmp_path: Path) -> Iterator[None]:
    """An app without configuration keeps its file beside the working directory: here, never in the repository."""
    # Not by way of `monkeypatch`: that would outlive the fixtures of a test that asks for it, too.
    with chdir(tmp_path):
        yield


@pytest.fixture(autouse=True)
def _loggers_of_our_modules() -> None:
    """No application of another test has taken them, and nobody's ``dictConfig`` disabled any: they reach pytest."""
    modules = logging.getLogger(MODULES)
    modules.propagate = True
    modules.setLevel(logging.NOTSET)
    modules.handlers.clear()
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False
