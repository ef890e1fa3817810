"""The version of the definitions is believed for a second, but never when this process itself has changed them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pynenc import Pynenc
from pynenc.ports.trigger import StoredDefinition
from pynenc_redis.connection import Command, Server

DEFINITION = StoredDefinition("d", "a.task", "{}", 1.0)


def test_a_change_while_it_is_read(
    make_app: Callable[..., Pynenc], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one thread read before another changed the definitions is not believed behind it."""
    trigger = make_app(redis_url).engine.backend.trigger
    exchange = Server.exchange

    def changing_behind_it(self: Server, connection: Any, commands: Sequence[Command]) -> list[Any]:
        replies = exchange(self, connection, commands)
        monkeypatch.undo()
        assert trigger.change_definitions([DEFINITION], [])
        return replies

    before = trigger.version()
    trigger.purge()
    monkeypatch.setattr(Server, "exchange", changing_behind_it)
    trigger.version()
    assert trigger.version() >= before + 2, "of the purge, and of the change"
