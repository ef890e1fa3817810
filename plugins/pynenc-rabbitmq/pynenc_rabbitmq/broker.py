"""Queues in RabbitMQ."""

from collections.abc import Callable, Mapping, Sequence

from pynenc.invocation.record import QueueEntry, is_served
from pynenc.ports.broker import Broker
from pynenc_rabbitmq.names import Place
from pynenc_rabbitmq.unit import RabbitMqUnit, Step


class RabbitMqBroker(Broker):
    """Queues of invocation ids, one AMQP queue for each (queue, lane)."""

    #: RabbitMQ cannot move what is queued.
    reorders = False
    tells = True

    def __init__(self, unit: RabbitMqUnit) -> None:
        self._unit = unit

    def push(self, entries: Sequence[QueueEntry]) -> None:
        if entries:
            with self._unit:
                self._unit.session.check_accepts(len(entries))
                self._unit.step.pushed += entries

    def pop(self, places: Sequence[Place], limit: int) -> list[QueueEntry]:
        with self._unit:
            step = self._unit.step
            delivered = self._unit.session.pop(places, limit)
            step.popped += delivered
            popped = [each.entry for each in delivered]
            own = [entry for entry in step.pushed if is_served(entry.queue, entry.lane, places)]
            if own:
                popped = self._merged(step, popped, own, limit)
            self._unit.session.queued.forget([entry.invocation_id for entry in popped])
            return popped

    def _merged(
        self, step: Step, delivered: Sequence[QueueEntry], own: Sequence[QueueEntry], limit: int
    ) -> list[QueueEntry]:
        """The first of what was delivered and what this step has pushed, which is in nobody's queue yet."""
        merged = sorted([*delivered, *own], key=lambda entry: (-entry.priority, -entry.dependents))
        chosen, rest = merged[: max(limit, 0)], merged[max(limit, 0) :]
        for entry in own:
            if any(entry is each for each in chosen):
                step.pushed.remove(entry)
        surplus = [each for each in step.popped if any(each.entry is entry for entry in rest)]
        step.popped = [each for each in step.popped if each not in surplus]
        self._unit.session.give_back(surplus)
        return chosen

    def give_back(self, entries: Sequence[QueueEntry]) -> None:
        with self._unit:
            step = self._unit.step
            back = [each for each in step.popped if any(each.entry is entry for entry in entries)]
            step.popped = [each for each in step.popped if each not in back]
            self._unit.session.give_back(back)
            # The rest was pushed in this unit.
            step.pushed += [entry for entry in entries if not any(each.entry is entry for each in back)]

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        """Without effect: what is waited for is found through the wait graph."""

    def remove(self, invocation_ids: Sequence[str]) -> None:
        """Without effect: what is not available any more is skipped when it is popped."""

    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        session = self._unit.session
        if not any(self.sizes().values()):
            session.queued.clear()
        return session.queued.others(invocation_ids)

    def sizes(self) -> Mapping[Place, int]:
        return self._unit.session.sizes()

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        return self._unit.session.peek(queue, limit)

    def purge(self, queue: str | None = None) -> None:
        self._unit.session.purge(queue)

    def expect(self, places: Sequence[Place], on_work: Callable[[], None]) -> bool:
        return self._unit.session.expect(places, on_work)
