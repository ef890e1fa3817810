"""The methods that this plugin adds to ``PynencBuilder``."""

from typing import Any


def redis(builder: Any, url: str | None = None, db: int | None = None) -> Any:
    """Keep everything on a Redis server; without arguments where the settings say it is.

    ``url`` as in ``redis://user:password@host:6379/0``; ``db``: a number of a database, instead of the URL's.

    Raises:
        ValueError: both are given.
    """
    if url is not None and db is not None:
        raise ValueError("redis() got both url and db. Give the number of the database in the URL: redis://host:6379/1")
    builder.product("Redis")
    chosen = {"redis_url": url, "redis_db": db}
    return builder.custom_config(**{name: value for name, value in chosen.items() if value is not None})


def redis_client_data_store(builder: Any, min_size_to_cache: int = 1024, local_cache_size: int = 1024) -> Any:
    """Keep large values on a Redis server (``redis_url`` and its like say where)."""
    return builder.client_data_store("redis", min_size_to_cache, local_cache_size)


def redis_trigger(builder: Any, scheduler_interval_seconds: int = 60, *, enable_scheduler: bool = True) -> Any:
    """Keep triggers on a Redis server (``redis_url`` and its like say where)."""
    return builder.trigger("redis").custom_config(
        scheduler_interval_seconds=scheduler_interval_seconds, enable_scheduler=enable_scheduler
    )
