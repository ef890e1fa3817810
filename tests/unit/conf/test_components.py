"""Which classes the components have: what is not chosen follows the orchestrator's product."""

import pytest

from pynenc.conf.components import ComponentClasses, products, resolve_components
from pynenc.exceptions import ConfigError

SQLITE = ComponentClasses(
    "SQLiteOrchestrator", "SQLiteBroker", "SQLiteStateBackend", "SQLiteTrigger", "SQLiteClientDataStore"
)


def of(product: str) -> ComponentClasses:
    return ComponentClasses(*(name.replace("SQLite", product) for name in SQLITE))


@pytest.mark.parametrize("chosen", [{}, {"orchestrator_cls": None, "broker_cls": ""}, {"app_id": "x"}])
def test_nothing_chosen_is_sqlite(chosen):
    assert resolve_components(chosen) == SQLITE


@pytest.mark.parametrize("product", ["Mem", "Redis", "Mongo", "Postgres", "SQLite"])
def test_three_settings_give_all_five(product):
    chosen = {
        "orchestrator_cls": f"{product}Orchestrator",
        "broker_cls": f"{product}Broker",
        "state_backend_cls": f"{product}StateBackend",
    }
    assert resolve_components(chosen) == of(product)
    assert resolve_components({"orchestrator_cls": f"{product}Orchestrator"}) == of(product)


def test_mixtures_are_legal():
    classes = resolve_components({"orchestrator_cls": "RedisOrchestrator", "broker_cls": "RabbitMqBroker"})
    assert classes == of("Redis")._replace(broker_cls="RabbitMqBroker")
    assert resolve_components({"broker_cls": "RedisBroker"}) == SQLITE._replace(broker_cls="RedisBroker")


def test_spellings_used_in_documents():
    assert resolve_components({"trigger_cls": "SqliteTrigger", "broker_cls": "RabbitMQBroker"}) == SQLITE._replace(
        broker_cls="RabbitMqBroker"
    )


def test_dotted_names_tell_their_product_by_the_class():
    classes = resolve_components({"orchestrator_cls": "acme.store:AcmeOrchestrator", "broker_cls": "my.own.Queue"})
    assert classes == of("Acme")._replace(orchestrator_cls="acme.store:AcmeOrchestrator", broker_cls="my.own.Queue")
    assert products(classes) == {
        "orchestrator_cls": "Acme",
        "broker_cls": "",
        "state_backend_cls": "Acme",
        "trigger_cls": "Acme",
        "client_data_store_cls": "Acme",
    }


def test_an_orchestrator_without_a_product_needs_the_others_to_be_set():
    with pytest.raises(ConfigError, match="Set state_backend_cls, trigger_cls, client_data_store_cls too"):
        resolve_components({"orchestrator_cls": "my.Own", "broker_cls": "MemBroker"})
    chosen = of("Mem")._asdict() | {"orchestrator_cls": "my.Own"}
    assert resolve_components(chosen).orchestrator_cls == "my.Own"


def test_a_class_of_another_component_is_refused():
    with pytest.raises(ConfigError, match="broker_cls is 'MemOrchestrator', which is the name of a class for orchestr"):
        resolve_components({"broker_cls": "MemOrchestrator"})


@pytest.mark.parametrize("chosen", [{"trigger_cls": "RabbitMQTrigger"}, {"orchestrator_cls": "RabbitMqOrchestrator"}])
def test_rabbitmq_is_a_broker_only(chosen):
    with pytest.raises(ConfigError, match="a broker and nothing else"):
        resolve_components(chosen)
