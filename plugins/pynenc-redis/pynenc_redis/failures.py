"""Translation of what the server and the network report into errors of ours, in one place."""

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import MasterNotFoundError

from pynenc.exceptions import StoreUnavailableError

#: Class of the driver's error -> why it happens, what to do. The first that fits counts.
_REASONS: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        AuthenticationError,
        "it refuses the name or the password",
        "Set redis_username and redis_password, or the URL, to what its configuration has.",
    ),
    (
        NoPermissionError,
        "its access rules do not let this user do that",
        "Give the user all commands on the keys and channels that begin with 'pynenc:'.",
    ),
    (
        OutOfMemoryError,
        "its memory is used up (maxmemory)",
        "Give it more, or shorten the retention of finished invocations; nothing of the refused step was kept.",
    ),
    (ReadOnlyError, "it is a replica and takes no writes", "Name the primary, or its sentinels."),
    (BusyLoadingError, "it is loading its data", "Wait until it has started."),
    (RedisTimeoutError, "it did not answer in time", "Look at its load, or set a longer socket_timeout."),
    (
        MasterNotFoundError,
        "no sentinel knows a primary",
        "Start them, or set redis_sentinels to where they are and redis_sentinel_service to their name for it.",
    ),
    (
        RedisConnectionError,
        "the connection failed",
        "Start the server, or set redis_url (or redis_host and redis_port) to where it is.",
    ),
    (OSError, "the connection failed", "Start the server, or set redis_url to where it is."),
)


def translated(location: str, error: BaseException) -> StoreUnavailableError:
    """The error that says what happened to a server, why, and what to do."""
    for kind, why, what_to_do in _REASONS:
        if isinstance(error, kind):
            return StoreUnavailableError(f"The Redis server {location} cannot be used: {why} ({error}). {what_to_do}")
    if _lacks_replicas(error):
        return StoreUnavailableError(
            f"The Redis server {location} cannot be used: fewer replicas than it needs are connected ({error}). "
            "Start them, or lower min-replicas-to-write."
        )
    why = "it refused a command" if isinstance(error, RedisError) else "something failed"
    return StoreUnavailableError(
        f"The Redis server {location} cannot be used: {why} ({error}). Look at its log; version 7 or later is needed."
    )


def is_outage(error: BaseException) -> bool:
    """Whether it may pass: the server is gone, is starting, or was made a replica."""
    if isinstance(error, AuthenticationError):
        return False
    passing = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, OSError)
    return isinstance(error, passing) or is_refusal(error)


def is_refusal(error: BaseException) -> bool:
    """Whether a server that is there will not write for now: a replica, or a primary that was left alone."""
    return isinstance(error, ReadOnlyError) or _lacks_replicas(error)


def _lacks_replicas(error: BaseException) -> bool:
    return isinstance(error, ResponseError) and "NOREPLICAS" in str(error)
