from pynenc_rabbitmq.broker import RabbitMqBroker
from pynenc_rabbitmq.conf import ConfigRabbitMq

__all__ = ["ConfigRabbitMq", "RabbitMqBroker"]
