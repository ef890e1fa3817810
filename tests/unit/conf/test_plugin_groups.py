"""Settings classes of plugins: several parents, known sections, and sections of plugins that are not there."""

import logging

import pytest
from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.settings import Settings
from pynenc.exceptions import ConfigError, ConfigMultiInheritanceError

DEFAULTS = ConfigPynenc().model_dump()


class ConfigAcme(ConfigPynencBase):
    acme_host: str = Field(default="localhost", description="Host.")
    acme_password: str = Field(default="", description="Password.")


class ConfigOrchestratorAcme(ConfigOrchestrator, ConfigAcme):
    """A group with the fields, and the sections, of both parents."""


class ConfigMongo(ConfigPynencBase):
    mongo_host: str = Field(default="localhost", description="Host.")


GROUPS = (ConfigAcme, ConfigOrchestratorAcme)


def test_a_group_takes_the_sections_of_all_its_ancestors():
    values = {"acme": {"acme_host": "a"}, "orchestrator": {"blocking_control": False}}
    conf = Settings(values, environ={}, plugin_groups=GROUPS).build(ConfigOrchestratorAcme)
    assert (conf.acme_host, conf.blocking_control) == ("a", False)


def test_its_own_section_beats_them():
    values = {"orchestrator_acme": {"acme_host": "own"}, "acme": {"acme_host": "a"}}
    settings = Settings(values, environ={}, plugin_groups=GROUPS)
    assert settings.build(ConfigOrchestratorAcme).acme_host == "own"
    assert settings.build(ConfigAcme).acme_host == "a"


def test_a_third_party_section_is_unknown_without_its_plugin():
    with pytest.raises(ConfigError, match="no section 'acme'"):
        Settings({"acme": {"acme_host": "a"}}, environ={}).build(ConfigPynenc)


def test_names_in_a_known_plugin_section_are_checked():
    settings = Settings({"acme": {"acme_hots": "a"}}, environ={}, plugin_groups=GROUPS)
    with pytest.raises(ConfigError, match="Did you mean 'acme_host'"):
        settings.build(ConfigPynenc)


@pytest.mark.parametrize("name", ["mongo", "mongodb", "Mongo_DB"])
def test_mongodb_is_another_name_of_mongo(name):
    settings = Settings({name: {"mongo_host": "m"}}, environ={}, plugin_groups=(ConfigMongo,))
    assert settings.build(ConfigMongo).mongo_host == "m"


def test_sections_of_our_own_plugins_are_no_error_when_they_are_not_installed(caplog):
    values = {
        "redis": {"redis_host": "r"},
        "rabbitmq": {"anything": 1},
        "orchestrator_redis": {},
        "redis_url": "redis://",
    }
    environ = {"PYNENC__CONFIGMONGO__MONGO_URL": "m", "PYNENC__POSTGRES_URL": "p"}
    with caplog.at_level(logging.DEBUG, logger="pynenc_library.conf"):
        assert Settings(values, environ=environ).build(ConfigPynenc).model_dump() == DEFAULTS
    told = "\n".join(caplog.messages)
    for name in ("redis.redis_host", "rabbitmq.anything", "redis_url", "mongo.mongo_url", "postgres_url"):
        assert name in told


def test_two_parents_with_the_same_field_are_refused():
    class ConfigOther(ConfigPynencBase):
        acme_host: str = "x"

    with pytest.raises(ConfigMultiInheritanceError, match=r"acme_host.*ConfigAcme.*ConfigOther"):

        class ConfigBoth(ConfigAcme, ConfigOther):
            pass


def test_redefining_a_field_along_one_line_is_fine():
    class ConfigAcmeTwo(ConfigAcme):
        acme_host: str = "two"

    class ConfigAcmeThree(ConfigAcmeTwo, ConfigOrchestrator):
        pass

    assert ConfigAcmeThree().acme_host == "two"
