"""RabbitMQ as the broker of Pynenc."""

from pynenc.lazy import lazy_names

# Every start of Pynenc looks at its plugins; the client library is loaded when an application uses it.
__all__, __getattr__, __dir__ = lazy_names(
    __name__, {"ConfigRabbitMq": "pynenc_rabbitmq.conf", "RabbitMqBroker": "pynenc_rabbitmq.broker"}
)
