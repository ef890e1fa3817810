"""The duties of wake-ups."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from pynenc.ports import Backend, Wakeups
from pynenc.ports.wakeups import ATTENTION
from pynenc.testing.conformance.kit import Conformance, asked_of, ids
from pynenc.testing.waiting import wait_until

#: A hint takes well under a millisecond; this is for a machine that does other things meanwhile.
ARRIVAL_TIMEOUT_SECONDS = 10.0


class Inbox:
    """A listener that keeps what it is told."""

    def __init__(self, wakeups: Wakeups) -> None:
        self._lock = threading.Lock()
        self.messages: list[list[str]] = []
        self.works = 0
        wakeups.listen(self._on_message, self._on_work)

    def _on_message(self, changed: Sequence[str]) -> None:
        with self._lock:
            self.messages.append(list(changed))

    def _on_work(self) -> None:
        with self._lock:
            self.works += 1

    def heard_of(self, invocation_ids: Sequence[str]) -> bool:
        """Whether it was told of all of these, or that it should look at everything."""
        with self._lock:
            told = {each for message in self.messages for each in message}
            return told.issuperset(invocation_ids) or [] in self.messages

    def wait_for(self, *invocation_ids: str) -> None:
        """Wait until it has heard of all of these."""
        wait_until(lambda: self.heard_of(invocation_ids), ARRIVAL_TIMEOUT_SECONDS, f"a hint about {invocation_ids[:3]}")

    def wait_for_work(self, works: int) -> None:
        """Wait until it was told so many times that there is work."""
        wait_until(lambda: self.works >= works, ARRIVAL_TIMEOUT_SECONDS, f"hint {works} that there is work")


class WakeupsConformance(Conformance):
    """Everything wake-ups owe. Here ``components`` listens and ``second_view`` sends."""

    @pytest.fixture
    def wakeups(self, components: Backend) -> Iterator[Wakeups]:
        """The listening side, closed at the end."""
        yield components.wakeups
        components.wakeups.close()

    @pytest.fixture
    def sender(self, second_view: Backend) -> Wakeups:
        """Another process of the same application."""
        return second_view.wakeups

    @pytest.fixture
    def address(self, wakeups: Wakeups) -> str:
        """Where the listening side can be told things."""
        address = wakeups.address()
        assert address is not None
        return address

    def test_the_address_stays(self, wakeups: Wakeups, address: str) -> None:
        Inbox(wakeups)
        assert wakeups.address() == address

    def test_a_listener_hears_what_changed(self, wakeups: Wakeups, sender: Wakeups, address: str) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_waiting(True)
        sender.notify({address: ["a", "b"]})
        inbox.wait_for("a", "b")
        sender.notify({address: [f"{ATTENTION}c"]})
        inbox.wait_for(f"{ATTENTION}c")

    def test_a_crowd_of_changes_arrives(self, wakeups: Wakeups, sender: Wakeups, address: str) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_waiting(True)
        for part in range(5):
            sender.notify({address: ids(1_000, f"part-{part}")})
        inbox.wait_for(*(each for part in range(5) for each in ids(1_000, f"part-{part}")))

    def test_unknown_addresses_are_passed_over(self, wakeups: Wakeups, sender: Wakeups, address: str) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_waiting(True)
        assert sender.notify({}) == 0
        sender.notify({"nowhere": ["a"], "": ["b"], f"{address}0": ["c"], "9999999.0": ["d"], address: ["e"]})
        inbox.wait_for("e")

    def test_an_idle_worker_hears_of_work_once(self, wakeups: Wakeups, sender: Wakeups) -> None:
        inbox = Inbox(wakeups)
        for works in (1, 2, 3):
            wakeups.set_idle(True)
            assert sender.wake_workers(5) == 1
            inbox.wait_for_work(works)
            assert sender.wake_workers(5) == 0
            assert inbox.works == works

    def test_a_busy_worker_is_left_alone(self, wakeups: Wakeups, sender: Wakeups) -> None:
        inbox = Inbox(wakeups)
        assert sender.wake_workers(1) == 0
        wakeups.set_idle(True)
        wakeups.set_idle(False)
        assert sender.wake_workers(1) == 0
        assert inbox.works == 0

    def test_waking_nobody_marks_nobody(self, wakeups: Wakeups, sender: Wakeups) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_idle(True)
        assert sender.wake_workers(0) == 0
        assert sender.wake_workers(1) == 1
        inbox.wait_for_work(1)

    def test_a_picky_worker_hears_besides_the_others(self, wakeups: Wakeups, sender: Wakeups) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_idle(True, picky=True)
        assert sender.wake_workers(1) == 0
        inbox.wait_for_work(1)
        wakeups.set_idle(True)
        assert sender.wake_workers(1) == 1
        inbox.wait_for_work(2)

    def test_who_is_on_standby_hears_once(self, wakeups: Wakeups, sender: Wakeups) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_standby(True)
        assert sender.wake_workers(5) == 1
        inbox.wait_for_work(1)
        assert sender.wake_workers(5) == 0
        wakeups.set_standby(True)
        wakeups.set_standby(False)
        assert sender.wake_workers(5) == 0
        assert inbox.works == 1

    @asked_of("listens_twice")
    def test_who_is_idle_hears_before_who_is_on_standby(self, wakeups: Wakeups, sender: Wakeups) -> None:
        standby, idle = Inbox(wakeups), Inbox(sender)
        wakeups.set_standby(True)
        sender.set_idle(True)
        assert sender.wake_workers(5) == 1
        idle.wait_for_work(1)
        assert standby.works == 0
        assert sender.wake_workers(5) == 1
        standby.wait_for_work(1)
        assert idle.works == 1

    def test_the_last_callbacks_count(self, wakeups: Wakeups, sender: Wakeups, address: str) -> None:
        first, second = Inbox(wakeups), Inbox(wakeups)
        wakeups.set_waiting(True)
        wakeups.set_idle(True)
        sender.notify({address: ["a"]})
        sender.wake_workers(1)
        second.wait_for("a")
        second.wait_for_work(1)
        assert (first.messages, first.works) == ([], 0)

    def test_who_closed_hears_nothing_and_harms_nobody(self, wakeups: Wakeups, sender: Wakeups, address: str) -> None:
        inbox = Inbox(wakeups)
        wakeups.set_waiting(True)
        wakeups.set_idle(True)
        wakeups.close()
        wakeups.close()
        sender.notify({address: ["a"]})
        assert sender.wake_workers(1) == 0
        assert (inbox.messages, inbox.works) == ([], 0)
