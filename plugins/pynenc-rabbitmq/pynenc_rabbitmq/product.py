"""RabbitMQ as a product: a broker and nothing else."""

from pynenc.backends.products import Product
from pynenc.conf.settings import Settings
from pynenc_rabbitmq.broker import RabbitMqBroker
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.unit import RabbitMqUnit


def open_rabbitmq(app_id: str, settings: Settings) -> Product:
    """The server that the settings name, which is connected to at the first use."""
    conf = settings.build(ConfigRabbitMq)
    unit = RabbitMqUnit(conf, app_id)
    return Product(
        name="RabbitMq",
        parts={"broker": RabbitMqBroker(unit)},
        unit=unit,
        wakeups=None,
        shared_between_processes=True,
        location=f"RabbitMQ at {conf.host}:{conf.port}{'' if conf.rabbitmq_virtual_host == '/' else ', virtual host '}"
        f"{conf.rabbitmq_virtual_host.lstrip('/')}",
    )
