"""Names, levels, settings and beliefs: what needs no server."""

import itertools
from typing import Any

import pytest

from pynenc import Pynenc
from pynenc.exceptions import ConfigError
from pynenc.invocation.record import QueueEntry
from pynenc_rabbitmq import ConfigRabbitMq, queued
from pynenc_rabbitmq.amqp import Channel
from pynenc_rabbitmq.names import LEVELS, decode, decode_place, encode, level, queue_name
from pynenc_rabbitmq.queued import Queued

ODD = ["", "a", "a/b", "a.b", "a%2Fb", "*", "#", "é日", "x" * 255, "👩" * 60]


def test_different_places_have_different_names_that_fit():
    each = itertools.product(["p", "q"], ODD, ODD, ["thread", "event_loop"])
    names = {queue_name(prefix, app_id, (queue, lane)) for prefix, app_id, queue, lane in each}
    assert len(names) == 2 * len(ODD) * len(ODD) * 2
    assert all(len(name.encode()) <= 255 and not name.startswith("amq.") for name in names)
    assert not any(character in name for name in names for character in "*#")


def test_levels_keep_the_order_of_priorities():
    levels = [level(priority) for priority in range(-100, 101)]
    assert levels == sorted(levels)
    assert (levels[0], level(0), levels[-1]) == (0, LEVELS // 2, LEVELS)
    assert len({level(priority) for priority in range(-100, 101)}) == LEVELS + 1


def test_a_message_says_what_was_sent_and_a_strange_one_nothing():
    entry = QueueEntry("id", "mail", "thread", -3, 2)
    assert decode(encode(entry)) == entry
    assert [decode(body) for body in (b"", b"{}", b"[1]", b"\xff", b"null", b'["a","b","c","d","e"]')] == [None] * 6
    assert decode_place(b"[]") is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("rabbit", ("rabbit", 5673)),
        ("rabbit:7", ("rabbit", 7)),
        ("[::1]:7", ("::1", 7)),
        ("[::1]", ("::1", 5673)),
        ("::1", ("::1", 5673)),
    ],
)
def test_a_host_may_carry_its_port(host, expected):
    conf = ConfigRabbitMq(rabbitmq_host=host, rabbitmq_port=5673)
    assert (conf.host, conf.port) == expected


def test_a_port_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no port"):
        ConfigRabbitMq(rabbitmq_host="rabbit:amqp")


def test_a_password_is_not_shown():
    assert "s3cret" not in repr(ConfigRabbitMq(rabbitmq_password="s3cret"))


def test_rabbitmq_is_a_broker_only():
    with pytest.raises(ConfigError, match="broker and nothing else"):
        Pynenc({"app_id": "wrong", "orchestrator_cls": "RabbitMqOrchestrator"}).orchestrator  # noqa: B018


def test_what_was_confirmed_counts_as_queued_for_a_while():
    now = 1000.0
    known = Queued(lambda: now)
    known.add(["a", "b", "c"])
    known.forget(["b"])
    assert known.others(["a", "b", "c", "d"]) == ["b", "d"]
    now += queued.TRUSTED_SECONDS + 1
    assert known.others(["a"]) == ["a"]
    known.add(["a"])
    known.clear()
    assert known.others(["a"]) == ["a"]


class PikaChannel:
    """As much of pika's channel as acknowledging needs; writes down what is sent."""

    is_open = True

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def add_on_close_callback(self, _: object) -> None: ...

    def add_on_cancel_callback(self, _: object) -> None: ...

    def basic_ack(self, tag: int, *, multiple: bool = False) -> None:
        self.sent.append(("upto" if multiple else "ack", tag))

    def basic_nack(self, tag: int, *, requeue: bool) -> None:
        assert requeue
        self.sent.append(("nack", tag))


@pytest.mark.parametrize(
    ("nacked", "acked", "sent"),
    [
        ([], [(1, 2, 3)], [("upto", 3)]),
        ([], [(2, 3), (1,)], [("ack", 2), ("ack", 3), ("upto", 1)]),
        ([2], [(3, 1)], [("nack", 2), ("upto", 3)]),
        ([], [(1, 2, 4), (3,), (5,)], [("upto", 2), ("ack", 4), ("upto", 3), ("upto", 5)]),
        ([1], [(1,)], [("nack", 1)]),
        ([], [(1, 2), (1, 2)], [("upto", 2)]),
    ],
)
def test_one_acknowledgement_for_all_before_which_nothing_is_open(nacked, acked, sent):
    pika = PikaChannel()
    channel = Channel(pika, lambda _: None)
    channel._open_tags.update(dict.fromkeys(range(1, 6)))
    for tag in nacked:
        channel.nack(tag)
    for tags in acked:
        channel.ack(*tags)
    assert pika.sent == sent
