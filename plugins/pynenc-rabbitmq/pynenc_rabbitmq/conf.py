"""Settings of the connection to RabbitMQ."""

from typing import Literal

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigRabbitMq(ConfigPynencBase):
    """Where RabbitMQ is, and how its queues are made."""

    rabbitmq_host: str = Field(default="localhost", description="Host name or address; ``host:port`` beats the port.")
    rabbitmq_port: int = Field(default=5672, ge=1, le=65535, description="Port.")
    rabbitmq_username: str = Field(default="guest", description="User.")
    rabbitmq_password: str = Field(default="guest", description="Password.", repr=False)
    rabbitmq_virtual_host: str = Field(default="/", description="Virtual host.")
    rabbitmq_queue_prefix: str = Field(
        default="pynenc", min_length=1, max_length=64, description="First part of the names of all queues."
    )
    rabbitmq_queue_type: Literal["classic", "quorum"] = Field(
        default="classic",
        description=(
            "classic queues live on one node and know priorities; quorum queues survive the loss of a node and do "
            "not. Not to be changed while queues exist."
        ),
    )
