"""Reading values: what text becomes, what is refused, and with which words."""

import json
import sys
from types import ModuleType

import pytest

from pynenc.conf.config_client_data_store import ConfigClientDataStore
from pynenc.conf.config_pynenc import ArgumentPrintMode, ConfigPynenc, LogFormat
from pynenc.conf.config_runner import ConfigMultiThreadRunner, ConfigRunner
from pynenc.conf.config_sqlite import ConfigSQLite
from pynenc.conf.config_task import ConcurrencyControlType, ConfigTask
from pynenc.conf.groups import CORE_GROUPS
from pynenc.conf.settings import Settings
from pynenc.exceptions import ConfigError, RetryError

DEFAULTS = ConfigPynenc().model_dump()


class OwnError(Exception):
    class InnerError(Exception):
        pass


def task_from(**variables: str) -> ConfigTask:
    return Settings(environ={f"PYNENC__{name.upper()}": text for name, text in variables.items()}).build_task("m.f")


def app_from(**variables: str) -> ConfigPynenc:
    return Settings(environ={f"PYNENC__{name.upper()}": text for name, text in variables.items()}).build(ConfigPynenc)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, True) for text in ("1", "true", "True", "TRUE", "yes", "on", " true ")],
        *[(text, False) for text in ("0", "false", "False", "no", "OFF", "")],
    ],
)
def test_booleans(text, value):
    assert app_from(dev_mode_force_sync_tasks=text).dev_mode_force_sync_tasks is value


@pytest.mark.parametrize("text", ["", "auto", "None", "null"])
def test_three_way_settings_can_be_unset(text):
    assert app_from(log_use_colors=text).log_use_colors is None
    assert app_from(heartbeat_interval_seconds=text).heartbeat_interval_seconds is None


def test_a_class_setting_that_is_empty_is_unset():
    conf = Settings({"orchestrator_cls": "", "broker_cls": None}, environ={}).build(ConfigPynenc)
    assert conf.orchestrator_cls is None
    assert conf.broker_cls is None


@pytest.mark.parametrize("text", ["keys", "KEYS", "Keys"])
def test_enums_by_name_or_value_in_any_case(text):
    assert task_from(running_concurrency=text, key_arguments="a").running_concurrency is ConcurrencyControlType.KEYS


def test_other_enums_and_fixed_words():
    conf = app_from(log_format="JSON", argument_print_mode="HIDDEN", logging_level="Warning", log_stream="STDOUT")
    assert conf.log_format is LogFormat.JSON
    assert conf.argument_print_mode is ArgumentPrintMode.HIDDEN
    assert (conf.logging_level, conf.log_stream) == ("warning", "stdout")
    assert Settings({"sqlite_synchronous": "full"}, environ={}).build(ConfigSQLite).sqlite_synchronous == "FULL"


@pytest.mark.parametrize(
    ("text", "names"),
    [("a", ("a",)), ("a,b", ("a", "b")), (" a , b,", ("a", "b")), ('["a", "b"]', ("a", "b")), ("", ()), ("[]", ())],
)
def test_collections(text, names):
    assert task_from(key_arguments=text).key_arguments == names
    assert app_from(trigger_task_modules=text).trigger_task_modules == frozenset(names)
    assert Settings(environ={"PYNENC__QUEUES": text}).build(ConfigRunner).queues == names


@pytest.mark.parametrize("modules", [{"a", "b"}, ["a", "b"], ("a", "b"), frozenset({"a", "b"})])
def test_collections_from_code(modules):
    conf = Settings({"trigger_task_modules": modules}, environ={}).build(ConfigPynenc)
    assert conf.trigger_task_modules == {"a", "b"}


def test_numbers_are_text_where_text_is_wanted(tmp_path):
    (tmp_path / "c.yaml").write_text("app_id: 0\nlease_seconds: 45\n")
    conf = Settings(config_filepath="c.yaml", environ={}, working_dir=tmp_path).build(ConfigPynenc)
    assert (conf.app_id, conf.lease_seconds) == ("0", 45.0)


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (ValueError, (ValueError,)),
        ((ValueError, OwnError), (ValueError, OwnError)),
        ([KeyError], (KeyError,)),
        ({KeyError}, (KeyError,)),
        ("ValueError", (ValueError,)),
        ("builtins.ValueError, json.JSONDecodeError", (ValueError, json.JSONDecodeError)),
        (["builtins.KeyError", OwnError], (KeyError, OwnError)),
        ((), ()),
    ],
)
def test_exceptions_as_classes_or_dotted_names(given, classes):
    assert Settings(environ={}).build_task("m.f", {"retry_for": given}).retry_for == classes


def test_the_dotted_name_of_a_class_inside_a_class(monkeypatch):
    module = ModuleType("own_module")
    vars(module)["OwnError"] = OwnError
    monkeypatch.setitem(sys.modules, "own_module", module)
    assert task_from(retry_for="own_module.OwnError.InnerError").retry_for == (OwnError.InnerError,)


def test_retry_error_always_leads_to_a_retry():
    assert ConfigTask().retriable_exceptions == (RetryError,)
    assert ConfigTask(retry_for=()).retriable_exceptions == (RetryError,)
    assert ConfigTask(retry_for=(KeyError,)).retriable_exceptions == (KeyError, RetryError)
    assert ConfigTask(retry_for=(RetryError, KeyError)).retriable_exceptions == (RetryError, KeyError)


@pytest.mark.parametrize("name", ["json.Nothing", "no.such.module", "json", 5, "builtins.int", KeyboardInterrupt])
def test_what_is_no_exception_is_refused(name):
    with pytest.raises(ConfigError, match="retry_for"):
        Settings(environ={}).build_task("m.f", {"retry_for": [name]})


def test_the_heartbeat_follows_the_lease_unless_it_is_set():
    assert ConfigPynenc(lease_seconds=12).heartbeat_seconds == 4
    assert ConfigPynenc(lease_seconds=12, heartbeat_interval_seconds=1).heartbeat_seconds == 1


# --- refusals


def refusal(values: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> str:
    settings = Settings(values, environ=environ or {})
    with pytest.raises(ConfigError) as caught:
        settings.build(ConfigPynenc)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_an_unknown_setting_names_source_key_and_nearest_name():
    assert refusal({"app_di": 1}) == "builder/constructor: there is no setting 'app_di'. Did you mean 'app_id'?"
    assert refusal(environ={"PYNENC__LEASE_SECOND": "1"}) == (
        "env PYNENC__LEASE_SECOND: there is no setting 'LEASE_SECOND'. Did you mean 'lease_seconds'?"
    )


def test_an_unknown_section():
    assert "there is no section 'runer'. Did you mean 'runner'?" in refusal({"runer": {}})
    assert "there is no section 'CONFIGRUNER'. Did you mean 'runner'?" in refusal(
        environ={"PYNENC__CONFIGRUNER__MAX_THREADS": "1"}
    )


def test_an_unknown_setting_in_a_section(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pynenc.runner]\nmax_thread = 3\n")
    with pytest.raises(ConfigError) as caught:
        Settings(environ={}, working_dir=tmp_path).build(ConfigPynenc)
    assert str(caught.value) == (
        "pyproject.toml [tool.pynenc.runner]: the section 'runner' has no setting 'max_thread'. "
        "Did you mean 'max_threads'?"
    )


def test_a_setting_in_the_wrong_section_is_told_its_place():
    assert "It belongs to the section 'pynenc'." in refusal({"orchestrator": {"max_pending_seconds": 1}})


def test_an_unknown_setting_of_one_task():
    assert refusal({"task": {"m.f": {"max_retry": 1}}}).startswith(
        "builder/constructor [task.\"m.f\"]: the section 'task' has no setting 'max_retry'. Did you mean 'max_retries'?"
    )


def test_a_value_in_place_of_a_section_and_a_section_in_a_section():
    assert "'runner' is a section" in refusal({"runner": 5})
    assert "section inside a section" in refusal({"runner": {"threads": {"max_threads": 1}}})


def test_a_wrong_type_names_source_value_and_meaning():
    text = refusal(environ={"PYNENC__LEASE_SECONDS": "soon"})
    assert text.startswith("env PYNENC__LEASE_SECONDS: lease_seconds cannot be 'soon': ")
    assert "What it means: Seconds without a sign of life" in text


@pytest.mark.parametrize(
    "values",
    [{"lease_seconds": -1}, {"lease_seconds": "nan"}, {"truncate_arguments_length": -1}, {"log_format": "xml"},
     {"log_stream": "file"}, {"app_id": ""}, {"runner_considered_dead_after_minutes": "x"}],
)  # fmt: skip
def test_values_out_of_range(values):
    refusal(values)


@pytest.mark.parametrize(
    ("group", "values"),
    [
        (ConfigPynenc, {"lease_seconds": 5, "heartbeat_interval_seconds": 5}),
        (ConfigMultiThreadRunner, {"min_processes": 3, "max_processes": 2}),
        (ConfigClientDataStore, {"max_size_to_cache": 10}),
        (ConfigTask, {"key_arguments": "", "running_concurrency": "keys"}),
        (ConfigTask, {"retry_delay_seconds": 700}),
    ],
)
def test_combinations_that_exclude_one_another(group, values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        Settings(values, environ={}).build(group)


@pytest.mark.parametrize("name", ["PYNENC_MAX_RETRIES", "PYNENC_REDIS_URL"])
def test_a_single_underscore_is_ignored_with_a_warning(name):
    settings = Settings(environ={name: "1"})
    with pytest.warns(UserWarning, match=f"{name} is ignored: settings have two underscores"):
        assert settings.build_task("m.f").max_retries == 0


def test_variables_of_the_command_line_and_of_others_are_no_settings():
    environ = {"PYNENC_APP": "tasks:app", "PYNENC_SERVER": "x", "PYNENCOIN": "1", "PYNENC_ELSE": "2", "HOME": "/"}
    assert Settings(environ=environ).build(ConfigPynenc).model_dump() == DEFAULTS


# --- every group


@pytest.mark.parametrize("group", CORE_GROUPS)
def test_every_setting_has_a_description_and_every_default_is_valid(group):
    for name, field in group.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
    defaults = {name: field.get_default(call_default_factory=True) for name, field in group.model_fields.items()}
    assert group.model_validate(defaults) == group()


@pytest.mark.parametrize("group", CORE_GROUPS)
def test_every_group_has_a_schema_for_editors(group):
    assert set(group.model_json_schema()["properties"] if group.model_fields else ()) == set(group.model_fields)
