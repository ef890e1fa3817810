"""Fixtures and limits of the behaviour tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The task modules must be found by their names, here and in worker processes, which get this path.
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import safety_nets
from stage import Stage, wait_until_ended

from pynenc import Pynenc
from pynenc.testing.history import check_all_histories


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes seconds, for it needs thousands of invocations or real time")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            # Most take a tenth of this; without safety nets a lost wake-up lasts until here.
            item.add_marker(pytest.mark.timeout(30))


@pytest.fixture(scope="module", autouse=True)
def _without_safety_nets() -> Iterator[None]:
    with safety_nets.taken_down():
        yield


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(tmp_path, request)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pynenc]:
    """An app with its runner for many small tests; to be given a setup as the parameter."""
    made = Stage(tmp_path_factory.mktemp("shared"), request)
    try:
        yield made.run(request.param, slots=2)
    finally:
        made.close()


@pytest.fixture(autouse=True)
def _shared_histories(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "shared_app" in request.fixturenames:
        app: Pynenc = request.getfixturevalue("shared_app")
        wait_until_ended(app)
        check_all_histories(app)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "journal")


@pytest.fixture
def gate(tmp_path: Path) -> str:
    return str(tmp_path / "gate")
