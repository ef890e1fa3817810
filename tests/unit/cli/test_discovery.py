"""Reading the text of modules for applications."""

import pytest

from pynenc.cli import discovery
from pynenc.cli.discovery import assigned_apps, discover


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("from pynenc import Pynenc\napp = Pynenc()", ["app"]),
        ("from pynenc import Pynenc as P\napp: P = P({'app_id': 'x'})", ["app"]),
        ("import pynenc\napp = pynenc.Pynenc()", ["app"]),
        ("import pynenc as p\napp = p.Pynenc()", ["app"]),
        ("from pynenc.app import Pynenc\nfirst = second = Pynenc()", ["first", "second"]),
        ("from pynenc import PynencBuilder\napp = PynencBuilder().app_id('x').sqlite().build()", ["app"]),
        ("import pynenc\napp = pynenc.PynencBuilder().build()", ["app"]),
        ("from pynenc import PynencBuilder\nb = PynencBuilder().sqlite()\nb = b.app_id('x')\napp = b.build()", ["app"]),
        ("from pynenc import Pynenc\nif True:\n    app = Pynenc()\nelse:\n    app = Pynenc({})", ["app"]),
        (
            "from pynenc import Pynenc\ntry:\n    x = 1\nexcept OSError:\n    app = Pynenc()\nfinally:\n    y = 2",
            ["app"],
        ),
        ("from pynenc import Pynenc\nwith open('x'):\n    app = Pynenc()", ["app"]),
        # none of these is a public module-level variable with an application
        ("from pynenc import PynencBuilder\nbuilder = PynencBuilder().sqlite()", []),
        ("from pynenc import Pynenc\n_app = Pynenc()", []),
        ("from pynenc import Pynenc\ndef make():\n    app = Pynenc()\n    return app", []),
        ("from pynenc import Pynenc\nclass A:\n    app = Pynenc()", []),
        ("from pynenc import Pynenc\nPynenc()", []),
        ("from elsewhere import Pynenc\napp = Pynenc()", []),
        ("from tasks import app\nprint('Pynenc')", []),
        ("import pynenc\napp = pynenc.other()", []),
        ("app = something()[0].build()  # Pynenc", []),
        ("this is no python: Pynenc", []),
        ("# no word of it", []),
        ("\0 Pynenc", []),
    ],
)
def test_assigned_apps(tmp_path, source, variables):
    (path := tmp_path / "module.py").write_text(source)
    assert assigned_apps(path) == variables


def test_files_in_other_encodings_are_read(tmp_path):
    (path := tmp_path / "module.py").write_bytes(
        "# -*- coding: latin-1 -*-\n# größer\nfrom pynenc import Pynenc\napp = Pynenc()\n".encode("latin-1")
    )
    assert assigned_apps(path) == ["app"]


def test_which_files_are_looked_at(tmp_path):
    looked_at = [
        "tasks.py",
        "pack/__init__.py",
        "pack/sub/__init__.py",
        "pack/sub/mod.py",
        "src/lib/__init__.py",
        "src/top.py",
    ]
    left_out = [
        "setup.py",
        "conftest.py",
        "_private.py",
        "test_x.py",
        "tests/__init__.py",
        "tests/app.py",
        "plain_folder/mod.py",
        ".hidden/__init__.py",
        "with-dash.py",
        "pack/test_y.py",
        "pack/conftest.py",
        "notes.txt",
    ]
    for name in looked_at + left_out:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from pynenc import Pynenc\napp = Pynenc()\n")
    assert sorted(candidate.spec for candidate in discover(tmp_path)) == [
        "lib:app",
        "pack.sub.mod:app",
        "pack.sub:app",
        "pack:app",
        "tasks:app",
        "top:app",
    ]


def test_the_root_of_a_candidate_is_its_import_folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "tasks.py").write_text("from pynenc import Pynenc\napp = Pynenc()\n")
    [found] = discover(tmp_path)
    assert found.root == tmp_path / "src"


def test_a_huge_folder_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(discovery, "MAX_FILES", 2)
    for name in "abcd":
        (tmp_path / f"{name}.py").write_text("from pynenc import Pynenc\napp = Pynenc()\n")
    assert [candidate.module for candidate in discover(tmp_path)] == ["a", "b"]
