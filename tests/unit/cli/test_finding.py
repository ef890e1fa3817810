"""Which application a command works on."""

import sys
from pathlib import Path

import pytest

from pynenc.cli.errors import AppNotLoadableError
from pynenc.cli.finding import find_app

APPS = """\
from pynenc import Pynenc

alpha = Pynenc(app_id="alpha")
beta = Pynenc(app_id="beta")


class holder:
    inner = Pynenc(app_id="inner")


def make():
    return Pynenc(app_id="made")


number = 1
"""
ONE = "from pynenc import Pynenc\n\nshop = Pynenc(app_id='one')\n"


@pytest.fixture
def find(pynenc, write):
    """Finds an application as commands do, in a folder that is a project of its own."""
    write("pyproject.toml", "")
    return find_app


@pytest.mark.parametrize(
    ("spec", "app_id"),
    [
        ("apps.beta", "beta"),
        ("apps:beta", "beta"),
        ("apps.py:beta", "beta"),
        ("./apps.py:alpha", "alpha"),
        ("apps.holder.inner", "inner"),
        ("apps:holder.inner", "inner"),
        ("apps:make()", "made"),
        ("pack.apps.alpha", "alpha"),
        ("pack.apps:beta", "beta"),
        ("pack/apps.py:beta", "beta"),
        ("pack.one", "one"),
        ("pack.one.shop", "one"),
        ("pack", "one"),
        ("pack/", "one"),
        ("pack:shop", "one"),
        ("inner.one", "one"),
        ("one", "one"),
        ("one.py", "one"),
    ],
)
def test_the_forms_of_a_specification(find, write, spec, app_id):
    write("apps.py", APPS)
    write("one.py", ONE)
    write("pack/__init__.py", "from .one import shop")
    write("pack/one.py", ONE)
    write("pack/apps.py", APPS)
    write("src/inner/__init__.py", "")
    write("src/inner/one.py", ONE)
    found = find(spec)
    assert (found.app.app_id, found.label) == (app_id, spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("apps.nothere", "apps has no 'nothere'; did you mean: alpha, beta"),
        ("apps:bta", "apps has no 'bta'; did you mean: beta"),
        ("apps:number", "apps has, with type int, no app called 'number'; did you mean: alpha, beta"),
        ("apps", "apps has several apps; choose one of\n  --app=apps:alpha\n  --app=apps:beta"),
        ("empty", "No Pynenc() instance found in empty"),
        ("empty:app", "empty has no 'app'; it has no Pynenc() instance at all"),
        ("nowhere", "there is no module 'nowhere' in "),
        ("nowhere.at.all", "there is no module 'nowhere' in "),
        ("nowhere:app", "there is no module 'nowhere' in "),
        ("nowhere.py", "File not found: "),
        ("builder:b", "builder:b is a builder, not an app. Call its build() method."),
        ("broken:make()", "calling broken:make() failed.\nTraceback"),
        (":app", "there is no module ''"),
    ],
)
def test_what_cannot_be_found(find, write, spec, message):
    write("apps.py", APPS)
    write("empty.py", "")
    write("builder.py", "from pynenc import PynencBuilder\n\nb = PynencBuilder()\n")
    write("broken.py", "def make():\n    raise RuntimeError('not today')\n")
    with pytest.raises(AppNotLoadableError) as caught:
        find(spec)
    assert str(caught.value).startswith("Failed to load application: ")
    assert message in str(caught.value)


def test_app_is_preferred_and_one_app_under_two_names_is_one(find, write):
    write("two.py", "from pynenc import Pynenc\n\napp = Pynenc(app_id='it')\nother = Pynenc(app_id='other')\n")
    write("same.py", "from two import app as first\n\nsecond = first\n")
    assert find("two").app.app_id == "it"
    assert find("same").app is find("two").app


def test_the_sources_in_their_order(find, write, monkeypatch):
    write("one.py", ONE)
    write("apps.py", APPS)
    write("pyproject.toml", "[tool.pynenc]\napp = 'apps:alpha'\n")
    assert find(None).label == "apps:alpha"
    monkeypatch.setenv("PYNENC_APP", "apps.beta")
    assert find(None).label == "apps.beta"
    assert find("one").label == "one"


def test_a_setting_counts_from_the_folder_of_its_file(find, write, monkeypatch):
    write("pyproject.toml", "[tool.pynenc]\napp = 'one:shop'\n")
    write("src/one.py", ONE)
    (below := Path.cwd() / "deep" / "below").mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find(None).app.app_id == "one"


def test_the_working_directory_comes_before_what_is_installed(find, write):
    write("one.py", ONE)
    sys.path.append(str(Path.cwd()))
    find("one")
    assert sys.path[0] == str(Path.cwd())


# ------------------------------------------------------------------------------------------ errors of the user's code


def test_an_import_error_shows_the_users_frames_only(find, write):
    write("tasks.py", "import deeper\n")
    write("deeper.py", "def fail():\n    return 1 / 0\n\n\nfail()\n")
    with pytest.raises(AppNotLoadableError) as caught:
        find("tasks.app")
    text = str(caught.value)
    assert text.startswith("Failed to load application: importing 'tasks' failed.\nTraceback")
    assert text.endswith("ZeroDivisionError: division by zero")
    assert "tasks.py" in text
    assert "deeper.py" in text
    assert "importlib" not in text
    assert "pynenc/cli" not in text


def test_an_error_of_ours_in_the_users_module_has_no_frames_of_ours(find, write):
    write("tasks.py", ONE + "\n@shop.task(max_retris=2)\ndef f():\n    pass\n")
    with pytest.raises(AppNotLoadableError, match="max_retris") as caught:
        find("tasks")
    assert "pynenc/task" not in str(caught.value)
    assert "line 5, in <module>" in str(caught.value)


def test_the_cause_of_an_import_error_is_shown(find, write):
    write(
        "tasks.py",
        "try:\n    import no_such_thing\nexcept ImportError as e:\n    raise RuntimeError('set up first') from e",
    )
    with pytest.raises(AppNotLoadableError, match="set up first") as caught:
        find("tasks:app")
    assert "No module named 'no_such_thing'" in str(caught.value)


@pytest.mark.parametrize("spec", ["tasks", "tasks.app", "tasks:app", "tasks.py", "tasks.app.deeper"])
def test_a_missing_dependency_is_not_a_missing_application(find, write, spec):
    write("tasks.py", "import no_such_thing\n")
    with pytest.raises(
        AppNotLoadableError, match=r"(?s)importing 'tasks' failed.*No module named 'no_such_thing'"
    ) as e:
        find(spec)
    assert "there is no module" not in str(e.value)


@pytest.mark.parametrize("statement", ["raise SystemExit('no')", "this is no python"])
def test_a_module_that_ends_the_process_or_does_not_parse(find, write, statement):
    write("tasks.py", statement)
    with pytest.raises(AppNotLoadableError, match="importing 'tasks' failed"):
        find("tasks")


def test_a_keyboard_interrupt_goes_through(find, write):
    write("tasks.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        find("tasks")


def test_a_file_whose_name_is_taken(find, write):
    write("queue.py", ONE)
    with pytest.raises(AppNotLoadableError, match=r"cannot be imported as 'queue'.*Rename the file"):
        find("queue.py")


def test_a_file_in_a_package_is_imported_by_its_dotted_name(find, write):
    write("pack/__init__.py", "")
    write("pack/sub/__init__.py", "")
    write("pack/sub/tasks.py", "from ..base import shop\n")
    write("pack/base.py", ONE)
    assert find("pack/sub/tasks.py").app.app_id == "one"
    assert sys.modules["pack.sub.tasks"].shop is sys.modules["pack.base"].shop


# --------------------------------------------------------------------------------------------------------- discovery


def test_the_only_app_is_discovered_and_nothing_else_is_executed(find, write):
    write("scripts.py", "from pathlib import Path\n\nPath('executed').touch()  # it speaks of Pynenc\n")
    write("tasks.py", ONE)
    assert find(None).label == "auto-discovered app_id=one"
    assert not Path("executed").exists()


def test_a_module_with_several_apps_is_taken_for_the_one_called_app(find, write):
    write("tasks.py", "from pynenc import Pynenc\n\nother = Pynenc()\napp = Pynenc(app_id='it')\n")
    assert find(None).app.app_id == "it"


def test_several_apps_are_listed(find, write):
    write("apps.py", APPS)
    write("src/pack/__init__.py", "")
    write("src/pack/one.py", ONE)
    with pytest.raises(AppNotLoadableError) as caught:
        find(None)
    assert str(caught.value).splitlines()[1:] == [
        "  --app=apps:alpha",
        "  --app=apps:beta",
        "  --app=pack.one:shop",
    ]


def test_no_app_at_all(find):
    with pytest.raises(AppNotLoadableError, match=r"No Pynenc\(\) instance found in .*\nName it in one of these forms"):
        find(None)


def test_a_discovered_app_that_cannot_be_imported_is_told(find, write):
    write("tasks.py", ONE + "\n1 / 0\n")
    with pytest.raises(AppNotLoadableError, match="ZeroDivisionError"):
        find(None)


# ----------------------------------------------------------------------------------------- reading without any code


def test_reading_needs_no_code_where_the_settings_name_the_app(pynenc, monkeypatch):
    monkeypatch.setenv("PYNENC__APP_ID", "shop")
    ran = pynenc("invocations", "list")
    assert (ran.code, ran.lines[0].split()[0]) == (0, "ID")
    assert ran.err == "No code found here; reading what the settings name: app_id 'shop'.\n"


def test_without_code_and_settings_nothing_is_made(pynenc):
    ran = pynenc("invocations", "list")
    assert ran.code == 1
    assert list(Path.cwd().iterdir()) == []


def test_a_runner_always_needs_the_code(pynenc, monkeypatch):
    monkeypatch.setenv("PYNENC__APP_ID", "shop")
    assert pynenc("runner", "start").code == 1
