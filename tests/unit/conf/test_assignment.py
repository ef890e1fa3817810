"""Assigning to settings: checked, taken back when refused, remembered."""

import pytest

from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_task import ConcurrencyControlType
from pynenc.conf.settings import Settings
from pynenc.exceptions import AlreadyInitializedError, ConfigError


@pytest.fixture
def conf():
    return Settings(environ={}).build(ConfigPynenc)


def test_values_are_converted(conf):
    conf.lease_seconds = "12"
    assert conf.lease_seconds == 12.0
    assert conf.origin_of("lease_seconds") == "assigned"


def test_a_wrong_value_is_refused_and_the_old_one_stays(conf):
    with pytest.raises(ConfigError, match=r"assigned ConfigPynenc\.log_format"):
        conf.log_format = "xml"
    assert conf.log_format == "text"
    assert conf.origin_of("log_format") == "default"


def test_a_contradiction_is_refused_and_the_old_value_stays(conf):
    with pytest.raises(ConfigError, match="heartbeat_interval_seconds"):
        conf.heartbeat_interval_seconds = 100
    assert conf.heartbeat_interval_seconds is None
    assert "heartbeat_interval_seconds" not in conf.model_fields_set


def test_an_unknown_name_is_refused(conf):
    with pytest.raises(ConfigError, match="Did you mean 'lease_seconds'"):
        conf.lease_second = 5


def test_a_group_that_no_settings_built_can_be_assigned_too():
    conf = ConfigPynenc()
    conf.app_id = "x"
    assert (conf.app_id, conf.origin_of("app_id")) == ("x", "assigned")


def test_the_guard_can_refuse_an_assignment():
    settings = Settings(environ={})
    conf = settings.build(ConfigPynenc)
    seen: list[tuple[str, object, object]] = []

    def guard(config, field, old):
        seen.append((field, old, getattr(config, field)))
        if field == "broker_cls":
            raise AlreadyInitializedError("too late")

    settings.assignment_guard = guard
    conf.app_id = "x"
    with pytest.raises(AlreadyInitializedError):
        conf.broker_cls = "MemBroker"
    assert seen == [("app_id", "pynenc", "x"), ("broker_cls", None, "MemBroker")]
    assert conf.broker_cls is None
    assert settings.build(ConfigPynenc).broker_cls is None


def test_the_mode_keys_can_be_assigned_after_its_arguments():
    conf = Settings(environ={}).build_task("m.f")
    with pytest.raises(ConfigError, match="key_arguments"):
        conf.running_concurrency = "keys"  # pyright: ignore[reportAttributeAccessIssue] - text is accepted
    conf.key_arguments = ("a",)
    conf.running_concurrency = "keys"  # pyright: ignore[reportAttributeAccessIssue] - text is accepted
    assert conf.running_concurrency is ConcurrencyControlType.KEYS
