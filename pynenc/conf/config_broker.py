"""Settings of the broker."""

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigBroker(ConfigPynencBase):
    """How a runner looks into the queue."""

    queue_timeout_sec: float = Field(
        default=0.1, ge=0, description="Accepted without effect: looks into the queue do not wait, workers are woken."
    )
