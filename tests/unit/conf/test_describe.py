"""Showing settings: origins, and no secrets anywhere."""

import logging

import pytest
from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_runner import ConfigThreadRunner
from pynenc.conf.describe import describe
from pynenc.conf.secrets import mask, mask_values
from pynenc.conf.settings import Settings
from pynenc.exceptions import ConfigError


class ConfigVault(ConfigPynencBase):
    vault_url: str = Field(default="", description="Address.")
    vault_password: str = Field(default="", description="Password.")
    vault_token: int = Field(default=0, description="Token.")


def test_every_field_has_value_origin_and_description(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pynenc.runner]\nmax_threads = 6\n[tool.pynenc]\nqueues = ['a']\n")
    (tmp_path / "c.yaml").write_text("thread-runner:\n  min_threads: 2\n")
    settings = Settings(
        {"claim_ahead_milliseconds": 10, "runner": {"max_async_tasks": 5}},
        "c.yaml",
        {"PYNENC__CONFIGTHREADRUNNER__MIN_PARALLEL_SLOTS": "4"},
        tmp_path,
    )
    conf = settings.build(ConfigThreadRunner)
    conf.max_parked_threads = 10
    rows = {row.field: row for row in describe(conf)}
    assert set(rows) == set(ConfigThreadRunner.model_fields)
    assert {name: row.origin for name, row in rows.items() if row.origin != "default"} == {
        "max_threads": "pyproject.toml [tool.pynenc.runner]",
        "queues": "pyproject.toml [tool.pynenc]",
        "claim_ahead_milliseconds": "builder/constructor",
        "max_async_tasks": "builder/constructor [runner]",
        "min_threads": "c.yaml [thread-runner]",
        "min_parallel_slots": "env PYNENC__CONFIGTHREADRUNNER__MIN_PARALLEL_SLOTS",
        "max_parked_threads": "assigned",
    }
    assert rows["max_threads"].value == 6
    assert "0: one per CPU" in rows["max_threads"].description
    assert settings.origin(conf, "max_threads") == rows["max_threads"].origin


def test_the_origin_of_a_task_option():
    conf = Settings(environ={"PYNENC__TASK__M#F__PRIORITY": "1"}).build_task("m.f", {"max_retries": 1})
    assert conf.origin_of("max_retries") == "decorator"
    assert conf.origin_of("priority") == "env PYNENC__TASK__M#F__PRIORITY"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("redis_password", "hunter2", "***"),
        ("redis_password", "", ""),
        ("API_TOKEN", "hunter2", "***"),
        ("client_secret", "hunter2", "***"),
        ("redis_url", "redis://user:hunter2@host:6379/0", "redis://user:***@host:6379/0"),
        ("redis_url", "redis://:hunter2@host", "redis://:***@host"),
        ("redis_url", "redis://user:p@ss/hunter2@host", "redis://user:***@host"),
        ("redis_url", "redis://host:6379/0", "redis://host:6379/0"),
        ("mongo_url", "mongodb+srv://u:hunter2@a,b/db?x=1", "mongodb+srv://u:***@a,b/db?x=1"),
        ("url", "https://h/p?a=1&access_token=hunter2&b=2", "https://h/p?a=1&access_token=***&b=2"),
        ("dsn", "host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"),
        ("urls", ["amqp://u:hunter2@h"], ["amqp://u:***@h"]),
        ("redis", {"redis_password": "hunter2", "n": 1}, {"redis_password": "***", "n": 1}),
        ("app_id", "x", "x"),
        ("n", 3, 3),
    ],
)
def test_secrets_are_masked(name, value, shown):
    assert mask(name, value) == shown


def test_whole_mappings_are_masked():
    assert mask_values({"app_id": "x", "redis": {"redis_password": "p"}}) == {
        "app_id": "x",
        "redis": {"redis_password": "***"},
    }


def test_no_secret_is_described_logged_or_told_in_an_error(caplog):
    values = {"vault_url": "v://u:hunter2@h", "vault_password": "hunter2"}
    settings = Settings(values, environ={}, plugin_groups=(ConfigVault,))
    with caplog.at_level(logging.DEBUG, logger="pynenc_library.conf"):
        rows = describe(settings.build(ConfigVault))
    assert [row.value for row in rows] == ["v://u:***@h", "***", 0]
    with pytest.raises(ConfigError) as caught:
        Settings({"vault_token": "hunter2"}, environ={}, plugin_groups=(ConfigVault,)).build(ConfigVault)
    assert "hunter2" not in str(rows) + caplog.text + str(caught.value)
    assert "ConfigVault.vault_url = 'v://u:***@h' from builder/constructor" in caplog.text


def test_a_log_of_where_values_come_from_has_only_what_is_set(caplog):
    with caplog.at_level(logging.DEBUG, logger="pynenc_library.conf"):
        Settings(environ={"PYNENC__APP_ID": "x"}).build(ConfigPynenc)
    assert caplog.messages == ["ConfigPynenc.app_id = 'x' from env PYNENC__APP_ID"]
