"""What was dropped is gone: memory holds what is in the store and nothing of what was."""

from pynenc.backends.memory import MemBroker, MemClientDataStore, MemOrchestrator, MemoryUnit, MemStateBackend
from pynenc.invocation.record import Wait
from pynenc.invocation.status import InvocationStatus
from pynenc.testing.conformance.kit import NOW, OWNER, PLACE, call, entry, ids, move, outcome, register_in


def sizes(component):
    return {name: len(held) for name, held in vars(component).items() if hasattr(held, "__len__") and len(held)}


def test_lives_that_were_dropped_leave_nothing():
    unit = MemoryUnit()
    ledger, state, client_data = MemOrchestrator(unit), MemStateBackend(unit), MemClientDataStore(unit)
    keys = {"registration_key": "key", "running_key": "scope", "parent_id": "parent", "workflow_id": "flow"}
    for invocation_id in ids(300):
        state.save_calls([call(invocation_id)])
        client_data.put({invocation_id: "text"}, NOW)
        client_data.link([(invocation_id, invocation_id)])
        register_in(ledger, invocation_id, InvocationStatus.RUNNING, not_before=NOW, **keys)
        ledger.add_waits([Wait(invocation_id, "other", None), Wait("other", invocation_id, None)])
        ledger.add_waits([Wait(None, invocation_id, "address")])
        state.put_outcomes([outcome(invocation_id)])
        state.cache_result("task", invocation_id, invocation_id)
        state.cache_result("task", "shared", invocation_id)
        move(ledger, invocation_id, InvocationStatus.SUCCESS)
    expired = ledger.expired(NOW + 1, 1_000)
    assert expired == ids(300)
    ledger.drop(expired)
    state.drop_calls(expired)
    client_data.unlink(expired)
    assert client_data.collect(NOW + 1, 1_000) == 300
    assert sizes(ledger._tables) == sizes(state) == sizes(client_data) == {}


def test_queues_keep_no_more_than_they_hold():
    broker = MemBroker(MemoryUnit())
    broker.push([entry(each) for each in ids(50)])
    for number in range(5_000):
        broker.promote([entry(each, dependents=1) for each in ids(50)[number % 50 : number % 50 + 1]])
        broker.remove([f"gone-{number - 1}"])
        broker.push([entry(f"gone-{number}")])
    [line] = broker._lines.values()
    assert len(line.heap) <= 2 * line.size + 65
    assert len(broker._queued) == line.size == broker.sizes()[PLACE] == 51


def test_finished_and_waiting_work_costs_the_claim_nothing():
    """The indexes a claim looks at hold neither what is finished nor what nobody waits for."""
    ledger = MemOrchestrator(MemoryUnit())
    for invocation_id in ids(100):
        register_in(ledger, invocation_id, InvocationStatus.SUCCESS)
    for invocation_id in ids(100, "paused"):
        register_in(ledger, invocation_id, InvocationStatus.PAUSED, owner=OWNER)
        ledger.add_waits([Wait(invocation_id, f"child of {invocation_id}", None)])
    assert not ledger._tables.wanted
    assert len(ledger._tables.delayed) == 0
