from pynenc.backends.memory import MemoryWakeups


def address_of(wakeups: MemoryWakeups) -> str:
    address = wakeups.address()
    assert address is not None
    return address


def test_bundles_have_addresses_of_their_own():
    assert MemoryWakeups().address() != MemoryWakeups().address()


def test_hints_are_calls_on_the_thread_of_the_sender():
    wakeups = MemoryWakeups()
    heard = []
    wakeups.listen(heard.append, lambda: heard.append("work"))
    wakeups.set_waiting(True)
    wakeups.set_idle(True)
    wakeups.notify({address_of(wakeups): ["a"], "elsewhere": ["b"]})
    assert wakeups.wake_workers(3) == 1
    assert heard == [["a"], "work"]


def test_nobody_is_called_who_waits_for_nothing():
    wakeups = MemoryWakeups()
    heard = []
    wakeups.listen(heard.append, lambda: heard.append("work"))
    wakeups.notify({address_of(wakeups): ["a"]})
    assert wakeups.wake_workers(1) == 0
    assert heard == []


def test_a_callback_may_use_the_wakeups():
    wakeups = MemoryWakeups()
    wakeups.listen(lambda _: None, lambda: wakeups.set_idle(True))
    wakeups.set_idle(True)
    assert [wakeups.wake_workers(1) for _ in range(3)] == [1, 1, 1]
