"""Settings of the Redis backend."""

from pydantic import Field, SecretStr, field_validator

from pynenc.conf.config_base import ConfigPynencBase


class ConfigRedis(ConfigPynencBase):
    """Where the server is, and how to reach it."""

    redis_url: SecretStr = Field(
        default=SecretStr(""),
        description="Address as in redis://user:password@host:6379/0, rediss:// for TLS; overrides the settings below.",
    )
    redis_host: str = Field(default="localhost", description="Name or address of the server.")
    redis_port: int = Field(default=6379, description="Its port.", ge=1, le=65535)
    redis_db: int = Field(default=0, description="Number of the database.", ge=0)
    redis_username: str = Field(default="", description="User; empty: the default one.")
    redis_password: SecretStr = Field(default=SecretStr(""), description="Password; empty: none.")
    redis_tls: bool = Field(
        default=False, description="Encrypt, and check the server's certificate; a redis_url says it by rediss://."
    )
    redis_tls_ca_file: str = Field(
        default="", description="Certificates to trust (PEM); empty: those of the operating system."
    )
    redis_tls_cert_file: str = Field(default="", description="Our own certificate (PEM), if the server asks for one.")
    redis_tls_key_file: str = Field(default="", description="The key of our certificate (PEM).")
    redis_sentinels: list[str] = Field(
        default=[],
        description="Sentinels as host:port, which say where the primary is; host and port above do not count then.",
    )
    redis_sentinel_service: str = Field(
        default="mymaster", description="The name under which the sentinels watch the servers."
    )
    redis_sentinel_username: str = Field(default="", description="User for the sentinels; empty: the default one.")
    redis_sentinel_password: SecretStr = Field(
        default=SecretStr(""), description="Password for the sentinels; empty: none."
    )
    redis_pool_max_connections: int = Field(
        default=100, ge=1, description="Connections that a process keeps open while nobody uses them, at most."
    )
    socket_timeout: float = Field(default=5.0, description="How long to wait for a reply, in seconds.", gt=0)
    socket_connect_timeout: float = Field(
        default=5.0, description="How long to wait for a connection, in seconds.", gt=0
    )
    redis_outage_seconds: float = Field(
        default=30.0,
        description="How long a server that was there is waited for, in seconds, before its absence is an error.",
        ge=0,
    )

    health_check_interval: int = Field(
        default=30, ge=0, description="Accepted without effect: a lost connection is noticed at its use, and replaced."
    )
    redis_pool_health_check_interval: float = Field(
        default=30.0, ge=0, description="Accepted without effect: see health_check_interval."
    )
    max_connection_attempts: int = Field(
        default=3, ge=1, description="Accepted without effect: see redis_outage_seconds."
    )
    redis_retry_base_delay_sec: float = Field(
        default=0.1, gt=0, description="Accepted without effect: see redis_outage_seconds."
    )
    redis_retry_max_delay_sec: float = Field(
        default=1.0, gt=0, description="Accepted without effect: see redis_outage_seconds."
    )
    max_pending_resolution_threads: int = Field(
        default=50, ge=1, description="Accepted without effect: no threads are needed for it."
    )
    pagination_batch_size: int = Field(
        default=100, ge=1, description="Accepted without effect: who asks for pages says how large they are."
    )

    @field_validator("redis_sentinels")
    @classmethod
    def _are_addresses(cls, value: list[str]) -> list[str]:
        for each in value:
            host, _, port = each.rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{each!r} is no address of a sentinel: expected host:port, as in sentinel-1:26379")
        return value
