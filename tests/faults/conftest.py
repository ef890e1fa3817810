"""Fixtures of the fault tests, and a path on which other processes find their tasks."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fault_tasks
from harness import Scene

from pynenc.testing.apps import installed
from pynenc.testing.witness import Witness


@pytest.fixture
def make_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Scene]]:
    """Sets the scene: an app with these settings beside the short ones, installed in the module of the tasks."""
    scenes: list[Scene] = []
    monkeypatch.setenv("FAULTS_FOLDER", str(tmp_path))
    monkeypatch.setattr(fault_tasks, "FOLDER", tmp_path)
    monkeypatch.setattr(fault_tasks, "witness", Witness(tmp_path / "witness"))

    def make(**settings: Any) -> Scene:
        scene = Scene(tmp_path, **settings)
        scenes.append(scene)
        context = installed(scene.app, fault_tasks)
        context.__enter__()
        undo.append(context)
        return scene

    undo: list[Any] = []
    yield make
    for scene in scenes:
        scene.close()
    for context in undo:
        context.__exit__(None, None, None)


@pytest.fixture
def scene(make_scene: Callable[..., Scene]) -> Scene:
    """The plain scene."""
    return make_scene()
