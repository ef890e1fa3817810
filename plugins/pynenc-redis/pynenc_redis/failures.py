"""Translation of what the server and the network report into errors of ours, in one place."""

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

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
    why = "it refused a command" if isinstance(error, RedisError) else "something failed"
    return StoreUnavailableError(
        f"The Redis server {location} cannot be used: {why} ({error}). Look at its log; version 7 or later is needed."
    )


def is_outage(error: BaseException) -> bool:
    """Whether it may pass: the server is gone, is starting, or was made a replica."""
    if isinstance(error, AuthenticationError):
        return False
    return isinstance(error, (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError))
