"""Settings of RabbitMQ."""

from typing import Literal

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigRabbitMq(ConfigPynencBase):
    """Where RabbitMQ is, how its queues are made, and how its connection is kept."""

    rabbitmq_host: str = Field(default="localhost", description="Host name or address; in `host:port` the port counts.")
    rabbitmq_port: int = Field(default=5672, ge=1, le=65535, description="Port; with TLS usually 5671.")
    rabbitmq_username: str = Field(default="guest", description="User.")
    rabbitmq_password: str = Field(default="guest", repr=False, description="Password; never shown.")
    rabbitmq_virtual_host: str = Field(default="/", description="Virtual host.")
    rabbitmq_tls: bool = Field(default=False, description="Encrypt, and check the server's certificate.")
    rabbitmq_tls_ca_file: str = Field(
        default="", description="Certificates to trust (PEM); empty: those of the operating system."
    )
    rabbitmq_tls_cert_file: str = Field(
        default="", description="Our own certificate (PEM), if the server asks for one."
    )
    rabbitmq_tls_key_file: str = Field(default="", description="The key of our certificate (PEM).")
    rabbitmq_queue_prefix: str = Field(
        default="pynenc", min_length=1, max_length=64, description="First part of the names of all queues."
    )
    rabbitmq_queue_type: Literal["classic", "quorum"] = Field(
        default="classic",
        description=(
            "classic: on one node, with priorities; quorum: on several nodes, without. Cannot be changed for queues "
            "that exist: choose another prefix, or delete them."
        ),
    )
    rabbitmq_exchange_name: str = Field(
        default="pynenc.direct", description="Exchange that messages go through; empty: straight to their queues."
    )
    rabbitmq_exchange_type: Literal["direct", "topic"] = Field(default="direct", description="Type of that exchange.")
    rabbitmq_prefetch_count: int = Field(
        default=250, ge=1, le=10_000, description="Entries a process takes at once from a queue, at most."
    )
    rabbitmq_message_ttl: int = Field(
        default=86_400_000,
        ge=0,
        description="Milliseconds after which an entry leaves its queue, to be queued again by the sweep; 0: never.",
    )
    rabbitmq_confirm_delivery: bool = Field(
        default=True,
        description=(
            "A call returns when RabbitMQ has confirmed its entry, but for calls in close succession; no: that goes on "
            "behind it."
        ),
    )
    rabbitmq_heartbeat: int = Field(
        default=60, ge=0, description="Seconds after which a silent connection counts as dead; 0: never."
    )
    rabbitmq_retry_initial_delay: float = Field(
        default=0.5, gt=0, description="Seconds before the first try to connect again."
    )
    rabbitmq_retry_max_delay: float = Field(default=60.0, gt=0, description="Seconds between two tries, at most.")
    rabbitmq_retry_exponential_base: float = Field(
        default=2.0, ge=1, description="Factor between the delays of two tries."
    )
    rabbitmq_retry_max_attempts: int = Field(
        default=0, ge=0, description="Accepted without effect: connecting is tried for ever."
    )
    rabbitmq_connection_attempts: int = Field(
        default=3, ge=1, description="Accepted without effect: connecting is tried for ever."
    )
    rabbitmq_retry_delay: float = Field(
        default=5.0, ge=0, description="Accepted without effect: see rabbitmq_retry_initial_delay."
    )
    rabbitmq_pika_log_level: str = Field(
        default="CRITICAL", description="What the client library may log; its troubles are told in our own lines."
    )

    @property
    def host(self) -> str:
        """The host, without a port."""
        return self._split()[0]

    @property
    def port(self) -> int:
        """The port, from the host if that names one."""
        return self._split()[1]

    def contradiction(self) -> str | None:
        """A host with something behind the colon that is no port."""
        try:
            self._split()
        except ValueError:
            return (
                f"rabbitmq_host is {self.rabbitmq_host!r}: what follows the colon is no port. Write host or host:port."
            )
        return None

    def _split(self) -> tuple[str, int]:
        host, port = self.rabbitmq_host, self.rabbitmq_port
        if host.startswith("["):
            # [::1]:5672
            host, _, rest = host[1:].partition("]")
            return host, int(rest.removeprefix(":")) if rest else port
        if host.count(":") == 1:
            host, _, text = host.partition(":")
            port = int(text)
        return host, port
