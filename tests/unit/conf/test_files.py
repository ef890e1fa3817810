"""Settings files: formats, and what is wrong with a file."""

import pytest

from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_runner import ConfigThreadRunner
from pynenc.conf.project import find_pyproject, project_dir
from pynenc.conf.settings import Settings
from pynenc.exceptions import ConfigError

DEFAULTS = ConfigPynenc().model_dump()

SAME = {
    "c.toml": 'app_id = "x"\n[runner]\nmax_threads = 4\n',
    "c.yaml": "app_id: x\nrunner:\n  max_threads: 4\n",
    "c.yml": "app_id: x\nrunner: {max_threads: 4}\nbroker:\n",
    "c.json": '{"app_id": "x", "runner": {"max_threads": 4}}',
    "other/pyproject.toml": '[tool.pynenc]\napp_id = "x"\n[tool.pynenc.runner]\nmax_threads = 4\n',
}


@pytest.mark.parametrize("name", SAME)
def test_formats(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(SAME[name])
    settings = Settings(config_filepath=name, environ={}, working_dir=tmp_path)
    assert settings.build(ConfigPynenc).app_id == "x"
    assert settings.build(ConfigThreadRunner).max_threads == 4


@pytest.mark.parametrize("name", ["e.yaml", "e.toml", "e.json"])
def test_an_empty_file_says_nothing(name, tmp_path):
    (tmp_path / name).write_text("")
    settings = Settings(config_filepath=str(tmp_path / name), environ={})
    assert settings.build(ConfigPynenc).model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("c.ini", "x", "unexpected file extension '.ini'"),
        ("c.toml", "= 3", "cannot be read"),
        ("c.yaml", "a: [", "cannot be read"),
        ("c.yaml", "- a\n- b", "holds no table"),
        ("c.yaml", "just text", "holds no table"),
        ("c.json", "{", "cannot be read"),
        ("c.json", "[1]", "holds no table"),
        ("c.toml", None, "does not exist"),
        ("pyproject.toml", "[tool]\npynenc = 3", "is not a table"),
    ],
)
def test_what_is_wrong_with_a_file(name, text, reason, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    if text is not None:
        (folder / name).write_text(text)
    settings = Settings(environ={"PYNENC__FILEPATH": str(folder / name)})
    with pytest.raises(ConfigError, match=reason) as caught:
        settings.build(ConfigPynenc)
    assert str(folder / name) in str(caught.value)


def test_a_broken_pyproject_of_the_project_is_an_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pynenc]\napp_id = \n")
    with pytest.raises(ConfigError, match="cannot be read"):
        Settings(environ={}, working_dir=tmp_path).build(ConfigPynenc)


def test_an_empty_file_variable_names_no_file():
    assert Settings(environ={"PYNENC__FILEPATH": ""}).build(ConfigPynenc).model_dump() == DEFAULTS


def test_the_project_is_where_its_pyproject_is(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("")
    assert find_pyproject(inner) == tmp_path / "a" / "pyproject.toml"
    assert project_dir(inner) == tmp_path / "a"
