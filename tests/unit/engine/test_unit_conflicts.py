"""Units of products that do not exclude each other may come to nothing: every step begins again and comes to the same.

The store is SQLite, whose units never conflict; here each of them is undone once before it counts.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from pynenc import Pynenc
from pynenc.ports.backend import UnitConflict
from pynenc.testing.apps import SETUPS, build_app, installed
from tests.unit.engine import replay_tasks
from tests.unit.engine.test_workflow_replay import comparable, run

PROGRAM = [
    ("random",),
    ("failing step", 3),
    ("set", 1),
    ("step", 4),
    ("task", 5),
    ("failing task", 6),
    ("sleep", 0),
    ("emit", 1),
    ("this event", 1),
    ("emit", 2),
    ("later event", 2),
    ("patched", "a"),
    ("get",),
]


class EachUndoneOnce:
    """A unit whose every second outermost use conflicts at its end."""

    def __init__(self, unit: Any) -> None:
        self._unit = unit
        self._local = threading.local()
        self.conflicts = 0

    def __call__(self) -> AbstractContextManager[object]:
        return self

    def __enter__(self) -> None:
        self._local.depth = getattr(self._local, "depth", 0) + 1
        self._unit.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._local.depth -= 1
        if error is None and not self._local.depth:
            self._local.undo = not getattr(self._local, "undo", False)
            if self._local.undo:
                self.conflicts += 1
                conflict = UnitConflict()
                self._unit.__exit__(UnitConflict, conflict, None)
                raise conflict
        self._unit.__exit__(kind, error, traceback)

    def close(self) -> None:
        self._unit.close()


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[tuple[Pynenc, EachUndoneOnce]]:
    app = build_app(SETUPS["sqlite-thread"], tmp_path)
    backend = app.assembled.backend
    undone = EachUndoneOnce(backend.units[0])
    object.__setattr__(backend, "units", (undone,))
    with installed(app, replay_tasks):
        yield app, undone
    app.close()


def test_a_workflow_comes_to_the_same(unit: tuple[Pynenc, EachUndoneOnce], tmp_path: Path) -> None:
    app, undone = unit
    found, found_effects = run(app, PROGRAM, [])
    assert undone.conflicts > len(PROGRAM)
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    undisturbed = build_app(SETUPS["sqlite-thread"], folder)
    with installed(undisturbed, replay_tasks):
        expected, effects = run(undisturbed, PROGRAM, [])
    undisturbed.close()
    assert comparable(found) == comparable(expected)
    assert effects == found_effects


def test_purge(unit: tuple[Pynenc, EachUndoneOnce]) -> None:
    app, undone = unit
    invocation = replay_tasks.interpret([("random",)])
    before = undone.conflicts
    app.purge()
    assert undone.conflicts > before
    assert app.orchestrator.count_invocations() == 0
    assert invocation.invocation_id not in app.engine.ledger.read([invocation.invocation_id])
