"""What Pynenc finds at the entry point."""

from pynenc_rabbitmq.conf import ConfigRabbitMq

PYNENC_PORTS_VERSION = 2
CONFIG_GROUPS = (ConfigRabbitMq,)
