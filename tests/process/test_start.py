"""What a start loads: modules are counted here, never milliseconds. Each import that nobody needs is paid by every
process, every time; where one is needed after all, it may be added to the sets below with its reason."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

#: Packages that gather names lazily.
GATHERING = ["pynenc", "pynenc.runner", "pynenc.serializer"]

#: Slow to import, and needed by some programs only.
HEAVY = {
    "asyncio",
    "click",
    "croniter",
    "importlib.metadata",
    "jsonpickle",
    "multiprocessing",
    "pkgutil",
    "selectors",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "tomllib",
    "yaml",
}


def loaded(program: str, *arguments: str) -> set[str]:
    """The modules in a new interpreter after this program."""
    tail = "\nimport sys; print(*sys.modules, sep=chr(10), file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", program + tail, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(ran.stderr.split())


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "pynenc"}


def command(*arguments: str) -> set[str]:
    return loaded("from pynenc.cli.main import main\ntry:\n    main()\nexcept SystemExit: pass", *arguments)


def test_the_package_alone():
    modules = loaded("import pynenc")
    assert own(modules) == {"pynenc", "pynenc.lazy"}
    assert modules & (HEAVY | {"pydantic", "logging"}) == set()


def test_an_application_that_nobody_has_asked_anything():
    # The first settings that are built look for plugins, for which the standard library needs a lot.
    modules = loaded("from pynenc import Pynenc; app = Pynenc()")
    assert modules & HEAVY == set()
    assert {name for name in own(modules) if name.startswith("pynenc.backends.")} == {"pynenc.backends.products"}
    assert {name for name in own(modules) if name.startswith("pynenc.runner.")} == {
        "pynenc.runner.base_runner",
        "pynenc.runner.choice",
        "pynenc.runner.publish",
        "pynenc.runner.signal_thread",
    }
    assert {name for name in own(modules) if name.startswith("pynenc.cli")} == set()


#: What every command line loads of ours.
COMMAND_LINE = {"pynenc", "pynenc.lazy", "pynenc.exceptions", "pynenc.cli"} | {
    f"pynenc.cli.{name}" for name in ("errors", "main", "options")
}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_commands_of_the_root(option):
    modules = command(option)
    assert own(modules) == COMMAND_LINE
    assert modules & {"pydantic", "asyncio", "multiprocessing", "sqlite3", "subprocess", "yaml", "jsonpickle"} == set()


def test_status_render_knows_the_statuses_and_no_application():
    modules = command("status", "render")
    assert {name.split(".")[1] for name in own(modules) - COMMAND_LINE} == {
        *("arguments", "cli", "identifiers", "invocation", "workflow"),
    }
    assert modules & {"pydantic", "asyncio", "importlib.metadata", "sqlite3", "yaml", "jsonpickle"} == set()


def test_config_show_opens_nothing(tmp_path):
    (tmp_path / "shop.py").write_text("from pynenc import Pynenc\napp = Pynenc(app_id='shop')\n")
    modules = command(f"--app={tmp_path / 'shop.py'}", "config", "show")
    assert "shop" in modules
    assert modules & {"asyncio", "multiprocessing", "sqlite3", "subprocess", "yaml", "jsonpickle"} == set()


@pytest.mark.parametrize("package", GATHERING)
def test_the_stub_says_what_the_package_does(package):
    found = importlib.import_module(package)
    tree = ast.parse(Path(str(found.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    [listed] = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    assert sorted(homes) == sorted(listed) == sorted(found.__all__)
    assert set(listed) <= set(dir(found))
    for name, home in homes.items():
        assert getattr(found, name) is getattr(importlib.import_module(str(home)), name)


@pytest.mark.parametrize("package", GATHERING)
def test_everything_at_once(package):
    names = {}
    exec(f"from {package} import *", names)
    assert set(importlib.import_module(package).__all__) <= set(names)


@pytest.mark.parametrize("package", GATHERING)
def test_a_name_that_is_not_there(package):
    found = importlib.import_module(package)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nothing'"):
        _ = found.Nothing
