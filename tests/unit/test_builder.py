"""``PynencBuilder``: from choices to an app, and the methods that plugins add."""

import pytest

from pynenc.builder import PynencBuilder


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch):
    PynencBuilder()  # real plugins register once for each process, and not in what is undone here
    monkeypatch.setattr(PynencBuilder, "_plugin_methods", {})
    monkeypatch.setattr(PynencBuilder, "_plugin_validators", [])


def test_the_app_gets_what_was_chosen():
    app = PynencBuilder().app_id("built").memory().thread_runner(max_threads=2).build()
    assert app.app_id == "built"
    assert app.conf.runner_cls == "ThreadRunner"
    assert app.conf.orchestrator_cls == "MemOrchestrator"


@pytest.mark.parametrize("runner", ["process_runner", "persistent_process_runner", "multi_thread_runner"])
@pytest.mark.parametrize("order", ["memory first", "runner first"])
def test_memory_does_not_reach_other_processes(runner, order):
    builder = PynencBuilder()
    if order == "memory first":
        getattr(builder.memory(), runner)()
    else:
        getattr(builder, runner)().memory()
    with pytest.raises(ValueError, match="is not compatible with in-memory components"):
        builder.build()


def test_one_component_in_memory_is_enough_to_refuse_and_the_last_choice_counts(tmp_path):
    path = str(tmp_path / "x.db")
    with pytest.raises(ValueError, match=r"in-memory components \(trigger_cls\)"):
        PynencBuilder().sqlite(path).mem_trigger().process_runner().build()
    with pytest.raises(ValueError, match="orchestrator_cls"):
        PynencBuilder().memory().custom_config(broker_cls="RabbitMqBroker").process_runner().build()
    PynencBuilder().mem_trigger().sqlite(path).process_runner().build()
    PynencBuilder().memory().sqlite(path).process_runner().build()
    PynencBuilder().process_runner().build()
    PynencBuilder().memory().dummy_runner().build()


def test_plugins_add_methods():
    def acme(builder, host):
        """Choose Acme."""
        return builder.custom_config(acme_host=host)

    PynencBuilder.register_plugin_method("acme", acme)
    builder = PynencBuilder()
    assert builder.acme("h").app_id("x") is builder
    assert builder.config_values() == {"acme_host": "h", "app_id": "x"}
    assert "acme" in dir(builder)
    assert builder.acme.__doc__ == "Choose Acme."
    PynencBuilder.register_plugin_method("acme", lambda builder: builder)


def test_plugins_cannot_replace_a_method_of_the_builder():
    with pytest.raises(ValueError, match="'memory'"):
        PynencBuilder.register_plugin_method("memory", lambda builder: builder)


def test_plugins_may_refuse_the_choices():
    def validator(config):
        if "acme_host" not in config:
            raise RuntimeError("acme_host is missing")

    PynencBuilder.register_plugin_validator(validator)
    with pytest.raises(ValueError, match=r"^Plugin configuration validation failed: acme_host is missing$"):
        PynencBuilder().build()


def test_an_unknown_method_names_the_nearest_one_or_the_missing_plugin():
    with pytest.raises(AttributeError, match=r"^'PynencBuilder' has no attribute 'thread_runer'.*'thread_runner'"):
        PynencBuilder().thread_runer()
    with pytest.raises(AttributeError, match="'PynencBuilder' has no attribute 'redis': it comes with pynenc-redis"):
        PynencBuilder().redis(url="redis://localhost")
