"""Which source wins: the ladder, sections against general values, one task against all tasks."""

import json
from pathlib import Path

import pytest

from pynenc.conf.config_client_data_store import ConfigClientDataStore
from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_runner import ConfigMultiThreadRunner, ConfigRunner, ConfigThreadRunner
from pynenc.conf.config_sqlite import ConfigSQLite
from pynenc.conf.config_task import ConcurrencyControlType
from pynenc.conf.settings import Settings

DEFAULTS = ConfigPynenc().model_dump()

LADDER = ["pyproject", "explicit", "file", "env file", "env group file", "env", "env group"]


def write_json(path: Path, values: dict[str, object]) -> str:
    path.write_text(json.dumps(values))
    return str(path)


def on_the_ladder(sources: list[str], folder: Path) -> Settings:
    """Settings in which each of ``sources`` gives ``max_pending_seconds`` its own place in the ladder plus one."""
    value = {source: LADDER.index(source) + 1 for source in sources}
    environ: dict[str, str] = {}
    if "pyproject" in value:
        (folder / "pyproject.toml").write_text(f"[tool.pynenc]\nmax_pending_seconds = {value['pyproject']}\n")
    if "env file" in value:
        path = write_json(folder / "env.json", {"max_pending_seconds": value["env file"]})
        environ["PYNENC__FILEPATH"] = path
    if "env group file" in value:
        path = write_json(folder / "group.json", {"max_pending_seconds": value["env group file"]})
        environ["PYNENC__CONFIGPYNENC__FILEPATH"] = path
    if "env" in value:
        environ["PYNENC__MAX_PENDING_SECONDS"] = str(value["env"])
    if "env group" in value:
        environ["PYNENC__CONFIGPYNENC__MAX_PENDING_SECONDS"] = str(value["env group"])
    return Settings(
        {"max_pending_seconds": value["explicit"]} if "explicit" in value else None,
        write_json(folder / "file.json", {"max_pending_seconds": value["file"]}) if "file" in value else None,
        environ,
        folder,
    )


@pytest.mark.parametrize("top", range(len(LADDER)))
def test_each_source_beats_all_below_it(top, tmp_path):
    settings = on_the_ladder(LADDER[: top + 1], tmp_path)
    assert settings.build(ConfigPynenc).max_pending_seconds == top + 1


@pytest.mark.parametrize("source", LADDER)
def test_each_source_beats_the_default(source, tmp_path):
    settings = on_the_ladder([source], tmp_path)
    assert settings.build(ConfigPynenc).max_pending_seconds == LADDER.index(source) + 1


def test_an_assignment_beats_everything_and_reaches_what_is_built_later(tmp_path):
    settings = on_the_ladder(LADDER, tmp_path)
    conf = settings.build(ConfigPynenc)
    conf.max_pending_seconds = 99
    assert settings.build(ConfigPynenc).max_pending_seconds == 99


def test_without_sources_there_are_defaults(tmp_path):
    conf = Settings(environ={}, working_dir=tmp_path).build(ConfigPynenc)
    assert conf.model_dump() == DEFAULTS
    assert conf.app_id == "pynenc"
    assert conf.runner_cls is None
    assert conf.serializer_cls == "JsonPickleSerializer"


def test_two_instances_share_nothing():
    settings = Settings(environ={})
    first, second = settings.build(ConfigPynenc), settings.build(ConfigPynenc)
    first.app_id = "other"
    assert second.app_id == "pynenc"


# --- pyproject.toml


def test_the_nearest_pyproject_upward_counts(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.pynenc]\napp_id = "outer"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert Settings(environ={}, working_dir=inner).build(ConfigPynenc).app_id == "outer"
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.pynenc]\napp_id = "nearer"\n')
    assert Settings(environ={}, working_dir=inner).build(ConfigPynenc).app_id == "nearer"


def test_the_working_directory_of_the_process_is_the_default(tmp_path):
    # The tests run in a directory of their own.
    Path("pyproject.toml").write_text('[tool.pynenc]\napp_id = "here"\n')
    assert Settings(environ={}).build(ConfigPynenc).app_id == "here"


@pytest.mark.parametrize(
    "text",
    [
        '[tool.pynenc]\napp_id = "x"',
        '[tool]\npynenc = {app_id = "x"}',
        'tool.pynenc.app_id = "x"',
        'tool = {pynenc = {app_id = "x"}}',
        '["tool"."pynenc"]\napp_id = "x"',
        '  [ tool . pynenc ]\napp_id = "x"',
        "[tool.pynenc.pynenc]\napp_id = 'x'",
    ],
)
def test_every_spelling_of_the_table_is_found(text, tmp_path):
    (tmp_path / "pyproject.toml").write_text(text)
    assert Settings(environ={}, working_dir=tmp_path).build(ConfigPynenc).app_id == "x"


def test_the_example_of_the_usage_guide(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        """
        [tool.pynenc]
        app_id = "app_basic_redis_example"
        orchestrator_cls = "RedisOrchestrator"
        runner_cls = "ProcessRunner"

        [tool.pynenc.redis]
        redis_host = "redis"

        [tool.pynenc.client_data_store]
        min_size_to_cache = 2048
        """
    )
    settings = Settings(environ={}, working_dir=tmp_path)
    assert settings.build(ConfigPynenc).orchestrator_cls == "RedisOrchestrator"
    assert settings.build(ConfigClientDataStore).min_size_to_cache == 2048


# --- sections


def test_a_section_beats_a_general_value_of_the_same_source():
    settings = Settings({"max_threads": 2, "threadrunner": {"max_threads": 3}}, environ={})
    assert settings.build(ConfigThreadRunner).max_threads == 3
    assert settings.build(ConfigMultiThreadRunner).max_threads == 3


def test_a_general_value_of_a_stronger_source_beats_a_section():
    settings = Settings({"threadrunner": {"max_threads": 3}}, environ={"PYNENC__MAX_THREADS": "4"})
    assert settings.build(ConfigThreadRunner).max_threads == 4


def test_the_section_of_an_ancestor_reaches_fields_of_its_descendants():
    settings = Settings({"runner": {"max_threads": 8}}, environ={"PYNENC__CONFIGRUNNER__MIN_THREADS": "2"})
    conf = settings.build(ConfigThreadRunner)
    assert (conf.max_threads, conf.min_threads) == (8, 2)


def test_the_own_section_beats_that_of_an_ancestor_whatever_their_order():
    settings = Settings({"multithreadrunner": {"max_threads": 5}, "runner": {"max_threads": 8}}, environ={})
    assert settings.build(ConfigMultiThreadRunner).max_threads == 5
    assert settings.build(ConfigThreadRunner).max_threads == 8


def test_a_section_does_not_reach_its_ancestors_or_strangers():
    settings = Settings({"threadrunner": {"queues": ["a"]}}, environ={})
    assert settings.build(ConfigRunner).queues == ()
    settings = Settings({"pynenc": {"app_id": "x"}}, environ={})
    assert settings.build(ConfigOrchestrator).model_dump() == ConfigOrchestrator().model_dump()


@pytest.mark.parametrize(
    "name", ["client_data_store", "clientdatastore", "client-data-store", "ClientDataStore", "ConfigClientDataStore"]
)
def test_sections_match_in_any_spelling(name):
    settings = Settings({name: {"min_size_to_cache": 7}}, environ={})
    assert settings.build(ConfigClientDataStore).min_size_to_cache == 7


@pytest.mark.parametrize("name", ["CONFIGSQLITE", "SQLITE", "sqlite"])
def test_environment_names_match_with_and_without_config_and_in_any_case(name):
    settings = Settings(environ={f"PYNENC__{name}__SQLITE_DB_PATH": "x.db"})
    assert settings.build(ConfigSQLite).sqlite_db_path == "x.db"


def test_an_underscored_section_in_the_environment():
    settings = Settings(environ={"PYNENC__CLIENT_DATA_STORE__LOCAL_CACHE_SIZE": "3"})
    assert settings.build(ConfigClientDataStore).local_cache_size == 3


def test_a_file_for_one_group_reaches_that_group_alone(tmp_path):
    path = write_json(tmp_path / "f.json", {"queues": ["a"], "max_pending_seconds": 9})
    settings = Settings(environ={"PYNENC__CONFIGRUNNER__FILEPATH": path})
    assert settings.build(ConfigThreadRunner).queues == ("a",)
    assert settings.build(ConfigPynenc).max_pending_seconds == 5


# --- tasks


def test_task_keys_in_files_quoted_or_as_nested_tables(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        """
        [tool.pynenc.task]
        max_retries = 3
        [tool.pynenc.task."my.mod.one"]
        max_retries = 5
        [tool.pynenc.task.my.mod.two]
        max_retries = 6
        """
    )
    settings = Settings(environ={}, working_dir=tmp_path)
    assert settings.build_task("my.mod.one").max_retries == 5
    assert settings.build_task("my.mod.two").max_retries == 6
    assert settings.build_task("my.mod.three").max_retries == 3


def test_a_module_may_be_called_like_a_field():
    settings = Settings({"task": {"queue": {"send": {"max_retries": 1}}}}, environ={})
    assert settings.build_task("queue.send").max_retries == 1
    assert settings.build_task("queue.send").queue == "default"


@pytest.mark.parametrize(
    ("variable", "task"),
    [
        ("PYNENC__CONFIGTASK__MY.MOD#MY_TASK__MAX_RETRIES", "my.mod.my_task"),
        ("PYNENC__TASK__MOD#F__MAX_RETRIES", "mod.f"),
        ("PYNENC__CONFIGTASK__MOD#MY__TASK__MAX_RETRIES", "mod.my__task"),
        ("PYNENC__CONFIGTASK__MOD#MY_TASK___MAX_RETRIES", "mod.my_task_"),
        ("PYNENC__CONFIGTASK___MOD#_F__MAX_RETRIES", "_mod._f"),
        ("PYNENC__CONFIGTASK__Mod#CamelTask__MAX_RETRIES", "Mod.CamelTask"),
    ],
)
def test_task_keys_in_the_environment(variable, task):
    settings = Settings(environ={variable: "4", "PYNENC__CONFIGTASK__MAX_RETRIES": "2", "PYNENC__MAX_RETRIES": "1"})
    assert settings.build_task(task).max_retries == 4
    assert settings.build_task("other.task").max_retries == 2


def test_the_decorator_beats_the_builder_and_loses_to_files_and_environment(tmp_path):
    options = {"running_concurrency": ConcurrencyControlType.TASK, "max_retries": 1}
    values = {"running_concurrency": "arguments", "task": {"m.f": {"max_retries": 7}}}
    settings = Settings(values, environ={})
    assert settings.build_task("m.f").running_concurrency is ConcurrencyControlType.ARGUMENTS
    assert settings.build_task("m.f", options).running_concurrency is ConcurrencyControlType.TASK
    assert settings.build_task("m.f", options).max_retries == 1
    path = write_json(tmp_path / "f.json", {"max_retries": 2})
    assert Settings(values, path, environ={}).build_task("m.f", options).max_retries == 2
    settings = Settings(values, path, environ={"PYNENC__MAX_RETRIES": "3"})
    assert settings.build_task("m.f", options).max_retries == 3


def test_the_decorator_beats_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.pynenc.task."m.f"]\nmax_retries = 5\npriority = 2\n')
    conf = Settings(environ={}, working_dir=tmp_path).build_task("m.f", {"max_retries": 1, "priority": None})
    assert (conf.max_retries, conf.priority) == (1, 2)


def test_assigning_to_one_task_leaves_the_others_alone():
    settings = Settings(environ={})
    settings.build_task("m.f").max_retries = 9
    assert settings.build_task("m.f").max_retries == 9
    assert settings.build_task("m.g").max_retries == 0


# --- other spellings


def test_the_older_spelling_of_the_lease_is_the_same_setting():
    settings = Settings({"lease_seconds": 10}, environ={"PYNENC__RUNNER_CONSIDERED_DEAD_AFTER_MINUTES": "2"})
    conf = settings.build(ConfigPynenc)
    assert conf.lease_seconds == 120
    assert conf.runner_considered_dead_after_minutes == 2
    assert conf.origin_of("lease_seconds") == "env PYNENC__RUNNER_CONSIDERED_DEAD_AFTER_MINUTES"
    conf.runner_considered_dead_after_minutes = 0.5
    assert conf.lease_seconds == 30
    assert settings.build(ConfigPynenc).lease_seconds == 30


def test_a_misnamed_setting_works_with_a_warning():
    settings = Settings({"arg_client_data_store_cls": "MemClientDataStore"}, environ={})
    with pytest.warns(UserWarning, match="is called client_data_store_cls"):
        assert settings.build(ConfigPynenc).client_data_store_cls == "MemClientDataStore"
