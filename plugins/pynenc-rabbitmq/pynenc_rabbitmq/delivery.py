"""What was delivered to this process, until it is acknowledged or goes back. For the thread of the event loop."""

from collections.abc import Sequence

from pynenc.invocation.record import QueueEntry
from pynenc_rabbitmq.amqp import Channel


class Delivery:
    """An entry that was delivered and is not acknowledged."""

    __slots__ = ("channel", "entry", "tag")

    def __init__(self, entry: QueueEntry, channel: Channel, tag: int) -> None:
        self.entry = entry
        self.channel = channel
        self.tag = tag

    @property
    def rank(self) -> tuple[int, int, int]:
        """Smaller comes first. The tags of a channel count up."""
        return -self.entry.priority, -self.entry.dependents, self.tag

    def give_back(self) -> None:
        """It goes back to its queue, as it does by itself when the connection is lost."""
        if self.channel.is_open:
            self.channel.nack(self.tag)


def ack(deliveries: Sequence[Delivery]) -> None:
    """They are dealt with. After a lost connection somebody gets them once more, and skips them."""
    by_channel: dict[Channel, list[int]] = {}
    for each in deliveries:
        by_channel.setdefault(each.channel, []).append(each.tag)
    for channel, tags in by_channel.items():
        if channel.is_open:
            channel.ack(*tags)
