"""Settings in a child process: the same values, nothing read again, no parser imported."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

from pynenc.conf.config_pynenc import ConfigPynenc, LogFormat
from pynenc.conf.config_runner import ConfigThreadRunner
from pynenc.conf.entries import Entry
from pynenc.conf.settings import Settings, SettingsSnapshot

CHILD = """
import pickle, sys
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_runner import ConfigThreadRunner
from pynenc.conf.settings import Settings

settings = Settings.from_snapshot(pickle.load(sys.stdin.buffer))
conf, runner, task = settings.build(ConfigPynenc), settings.build(ConfigThreadRunner), settings.build_task("m.f")
print(conf.app_id, conf.lease_seconds, conf.log_format.value, runner.max_threads, task.max_retries, task.retry_for[0])
print(sorted({"pydantic_settings", "yaml", "dotenv"} & set(sys.modules)))
print(conf.origin_of("lease_seconds"), "|", runner.origin_of("max_threads"), "|", conf.origin_of("app_id"))
"""


def parent_settings(folder: Path) -> Settings:
    (folder / "pyproject.toml").write_text("[tool.pynenc.runner]\nmax_threads = 6\n")
    (folder / "extra.yaml").write_text("task:\n  m.f:\n    max_retries: 4\n    retry_for: [builtins.KeyError]\n")
    return Settings(
        {"log_format": LogFormat.JSON, "trigger_task_modules": {"a"}},
        "extra.yaml",
        {"PYNENC__LEASE_SECONDS": "45"},
        folder,
    )


def test_a_child_builds_the_same_without_reading_anything(tmp_path):
    settings = parent_settings(tmp_path)
    settings.build(ConfigPynenc).app_id = "assigned"
    (tmp_path / "pyproject.toml").write_text("[tool.pynenc]\napp_id = 'changed since'\n")
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=pickle.dumps(settings.snapshot()),
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PYNENC__LEASE_SECONDS": "1", "PYTHONPATH": str(Path(__file__).parents[3])},
        timeout=60,
    )
    values, imported, origins = child.stdout.decode().splitlines()
    assert values == "assigned 45.0 json 6 4 <class 'KeyError'>"
    assert imported == "[]"
    assert origins == "env PYNENC__LEASE_SECONDS | pyproject.toml [tool.pynenc.runner] | assigned"


def test_a_snapshot_is_plain_data(tmp_path):
    settings = parent_settings(tmp_path)
    settings.build_task("m.f").retry_for = (ValueError,)
    text = json.dumps(settings.snapshot().entries)
    entries = tuple(Entry(*row) for row in json.loads(text))
    rebuilt = Settings.from_snapshot(SettingsSnapshot(entries=entries))
    assert rebuilt.build(ConfigPynenc).model_dump() == settings.build(ConfigPynenc).model_dump()
    assert rebuilt.build_task("m.f").model_dump() == settings.build_task("m.f").model_dump()
    assert rebuilt.build_task("m.f").retry_for == (ValueError,)


def test_assignments_travel_for_groups_and_for_single_tasks():
    settings = Settings(environ={})
    settings.build(ConfigThreadRunner).max_threads = 3
    settings.build_task("m.f").max_retries = 2
    settings.build_task("m.f").max_retries = 5
    rebuilt = Settings.from_snapshot(settings.snapshot())
    assert rebuilt.build(ConfigThreadRunner).max_threads == 3
    assert rebuilt.build_task("m.f", {"max_retries": 1}).max_retries == 5
    assert rebuilt.build_task("m.g", {"max_retries": 1}).max_retries == 1


def test_a_snapshot_of_a_snapshot_is_the_same():
    settings = Settings({"app_id": "x"}, environ={})
    rebuilt = Settings.from_snapshot(settings.snapshot())
    rebuilt.build(ConfigPynenc).lease_seconds = 7
    again = Settings.from_snapshot(rebuilt.snapshot()).build(ConfigPynenc)
    assert (again.app_id, again.lease_seconds) == ("x", 7)


def test_an_app_without_files_imports_no_parser(tmp_path):
    code = (
        "import sys\nfrom pynenc.conf.config_pynenc import ConfigPynenc\nfrom pynenc.conf.settings import Settings\n"
        "assert Settings(environ={'PYNENC__APP_ID': 'x'}).build(ConfigPynenc).app_id == 'x'\n"
        "print(sorted({'pydantic_settings', 'yaml', 'tomllib'} & set(sys.modules)))"
    )
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "uses pynenc"\n[tool.other]\nx = 1\n')
    child = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        timeout=60,
    )
    assert child.stdout.decode().strip() == "[]"
