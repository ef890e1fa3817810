"""Plugins: found once, isolated when they fail, refused when they are of another version or author."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

from pynenc import Pynenc
from pynenc.conf.config_base import ConfigPynencBase
from pynenc.exceptions import ConfigError
from pynenc.plugin_loader import ENTRY_POINT_GROUP, admit, load_plugins
from pynenc.ports import PORTS_VERSION


class ConfigAcme(ConfigPynencBase):
    pass


@pytest.fixture
def modules(monkeypatch):
    """Put modules where an entry point finds them."""

    def add(name: str, **members: object) -> EntryPoint:
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
        return EntryPoint(name=name, value=name, group=ENTRY_POINT_GROUP)

    return add


def test_a_plugin_of_the_right_version_is_admitted_with_its_settings(modules):
    entry = modules("acme_plugin", PYNENC_PORTS_VERSION=7, CONFIG_GROUPS=(ConfigAcme,))
    (plugin,) = admit([entry], 7)
    assert (plugin.name, plugin.target, plugin.config_groups) == (
        "acme_plugin",
        sys.modules["acme_plugin"],
        (ConfigAcme,),
    )


def test_an_entry_may_name_an_object(modules):
    modules("acme_plugin", plugin=SimpleNamespace(PYNENC_PORTS_VERSION=7))
    (plugin,) = admit([EntryPoint("acme", "acme_plugin:plugin", ENTRY_POINT_GROUP)], 7)
    assert plugin.config_groups == ()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "'acme_plugin' .* carries no PYNENC_PORTS_VERSION, and this Pynenc needs version 7"),
        ({"PYNENC_PORTS_VERSION": 6}, "implements version 6 of the contracts, and this Pynenc needs version 7"),
    ],
)
def test_another_version_is_refused(modules, members, message):
    entry = modules("acme_plugin", **members)
    with pytest.warns(UserWarning, match=message):
        assert admit([entry], 7) == ()


@pytest.mark.parametrize("members", [{"PYNENC_PORTS_VERSION": 1}, {}], ids=["of the first contracts", "of others"])
def test_products_of_an_earlier_plugin_are_refused_before_they_touch_any_data(modules, monkeypatch, members):
    """It would store no occurrences: its triggers would be lost in silence."""

    def open_acme(*_arguments):
        raise AssertionError("it was opened")

    entry = modules("acme_plugin", PRODUCTS={"Acme": open_acme}, **members)
    load_plugins.cache_clear()
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_kinds: [entry])
    try:
        with (
            pytest.warns(UserWarning, match=f"is left out: it .* and this Pynenc needs version {PORTS_VERSION}"),
            pytest.raises(ConfigError, match="'AcmeOrchestrator', and no installed product provides it"),
        ):
            _ = Pynenc({"app_id": "refused", "orchestrator_cls": "AcmeOrchestrator"}).engine
    finally:
        load_plugins.cache_clear()


def test_a_plugin_that_fails_leaves_the_others_alone(modules):
    good = modules("good_plugin", PYNENC_PORTS_VERSION=7)
    broken = EntryPoint("broken", "no_such_module_anywhere", ENTRY_POINT_GROUP)
    with pytest.warns(UserWarning, match="'broken' .* is left out, for loading it failed: ModuleNotFoundError"):
        assert [plugin.name for plugin in admit([broken, good], 7)] == ["good_plugin"]


def test_the_environment_is_searched_once():
    assert load_plugins(PORTS_VERSION) is load_plugins(PORTS_VERSION)
