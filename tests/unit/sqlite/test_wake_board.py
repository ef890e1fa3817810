"""The board: where it lies, and that those who name the same database and application share it."""

import os
import tempfile
from pathlib import Path

import pytest

from pynenc.backends.sqlite.wake_board import BOARD_BYTES, SLOTS, WAITING, Board, Idle, open_board


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "pynenc.db"


def are_the_same(one: Board, other: Board) -> bool:
    one.mark_idle(7, Idle.READY)
    return other.take_idle(Idle.READY, 0) == 7


def test_two_that_open_it_share_it(db_path):
    assert are_the_same(open_board(db_path, "app"), open_board(db_path, "app"))


def test_applications_have_boards_of_their_own(db_path):
    assert not are_the_same(open_board(db_path, "app"), open_board(db_path, "other"))


def test_it_lies_beside_the_database_in_a_private_folder(db_path):
    open_board(db_path, "app")
    (folder,) = db_path.with_name("pynenc.db-wake").iterdir()
    assert folder.name.startswith("app")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "board").stat().st_size == BOARD_BYTES
    assert (folder / "board").stat().st_blocks * 512 >= BOARD_BYTES, (
        "a full disk must not be noticed by a write to memory"
    )


def test_every_slot_can_be_idle_and_the_search_goes_around(db_path):
    board = open_board(db_path, "app")
    for slot in range(SLOTS):
        board.mark_idle(slot, Idle.READY)
    assert [board.take_idle(Idle.READY, 1000) for _ in range(SLOTS)] == [*range(1000, SLOTS), *range(1000)]
    assert board.take_idle(Idle.READY, 1000) is None


def test_marks_do_not_touch_each_other(db_path):
    board = open_board(db_path, "app")
    board.mark(WAITING, 0, on=True)
    board.mark_idle(SLOTS - 1, Idle.READY)
    assert board.take_idle(Idle.READY, 0) == SLOTS - 1
    assert board.take_idle(Idle.READY, 0) is None
    assert board.take_mark(WAITING, 0)
    assert not board.take_mark(WAITING, 0)


def test_long_paths_are_fine(tmp_path):
    db_path = tmp_path / ("long" * 50) / ("longer" * 40) / "pynenc.db"
    assert are_the_same(open_board(db_path, "app"), open_board(db_path, "app"))


@pytest.fixture
def unusable_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where no folder can be made, and a folder for temporary files of our own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "file").touch()
    return tmp_path / "file" / "pynenc.db"


def test_where_no_folder_can_be_made_processes_meet_among_the_temporary_files(unusable_path):
    assert are_the_same(open_board(unusable_path, "app"), open_board(unusable_path, "app"))
    assert not are_the_same(open_board(unusable_path, "app"), open_board(unusable_path, "other"))
    folders = list(Path(tempfile.gettempdir()).iterdir())
    assert len(folders) == 2
    assert all(folder.name.startswith(f"pynenc-{os.getuid()}-") for folder in folders)


def test_a_folder_that_somebody_else_made_among_the_temporary_files_is_refused(unusable_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 424242)
    with pytest.raises(PermissionError, match="another user"):
        open_board(unusable_path, "app")


def test_where_another_user_has_the_folder_nobody_goes_elsewhere(db_path, monkeypatch):
    open_board(db_path, "app")
    (board,) = db_path.with_name("pynenc.db-wake").glob("*/board")
    board.unlink()
    board.mkdir()
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(IsADirectoryError):
        open_board(db_path, "app")


@pytest.mark.parametrize(
    "address", ["", ".", "x", "0", "0.", "0.00000000", "-1.00000000", "1024.00000000", "9" * 5000, "²", "0.ü"]
)
def test_an_address_that_nobody_has_leads_nowhere(db_path, address):
    board = open_board(db_path, "app")
    board.move_in(0, b"12345678")
    board.mark(WAITING, 0, on=True)
    assert board.waiting_slot("0.12345678") == 0
    assert board.waiting_slot(address) is None


def test_the_kinds_of_idle_are_kept_apart(db_path):
    board = open_board(db_path, "app")
    board.mark_idle(1, Idle.STANDBY)
    board.mark_idle(2, Idle.PICKY)
    board.mark_idle(3, Idle.PICKY)
    assert board.take_idle(Idle.READY, 0) is None
    assert board.take_all(Idle.PICKY) == [2, 3]
    assert board.take_all(Idle.PICKY) == []
    assert board.take_idle(Idle.STANDBY, 0) == 1
