"""A process of the tests that uses an SQLite store: its first argument says what it does, the second is the file."""

import os
import sys
import threading
import time

from pynenc.backends.sqlite import Components, sqlite_components
from pynenc.exceptions import StoreUnavailableError
from pynenc.identifiers import new_id
from pynenc.invocation.record import Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.testing.conformance.kit import call, entry, outcome

APP = "app"


def say(*words: object) -> None:
    """One line, in one piece."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def submit(store: Components, invocation_id: str) -> None:
    with store.unit():
        store.orchestrator.register([call(invocation_id)], time.time())
        store.state.save_calls([call(invocation_id)])
        store.broker.push([entry(invocation_id)])


def take(store: Components, owner: str, limit: int) -> list[str]:
    """Pop, claim and start."""
    now = time.time()
    with store.unit():
        popped = [each.invocation_id for each in store.broker.pop([], limit)]
        claimed = store.orchestrator.claim(popped, owner, now)
        running = InvocationStatus.RUNNING
        store.orchestrator.transition([Transition(r.invocation_id, running, owner, r.attempt) for r in claimed], now)
    return [record.invocation_id for record in claimed]


def finish(store: Components, owner: str, invocation_ids: list[str]) -> None:
    now = time.time()
    success = InvocationStatus.SUCCESS
    with store.unit():
        store.state.put_outcomes([outcome(each) for each in invocation_ids])
        after = store.orchestrator.transition([Transition(each, success, owner, 1) for each in invocation_ids], now)
        assert None not in after
        store.orchestrator.release(invocation_ids)


def claim_everything(store: Components) -> None:
    """Say what of the queue this process got."""
    owner = new_id()
    say("ready")
    sys.stdin.readline()
    while taken := take(store, owner, 3):
        say(*taken)


def hammer(store: Components, count: str) -> None:
    """Submit on one thread, and work on another until everything is submitted and nothing is queued."""
    owner = new_id()
    say("ready")
    sys.stdin.readline()
    client = threading.Thread(target=lambda: [submit(store, new_id()) for _ in range(int(count))])
    client.start()
    done = 0
    while True:
        submitted = not client.is_alive()
        taken = take(store, owner, 4)
        finish(store, owner, taken)
        done += len(taken)
        if submitted and not taken:
            break
    say("done", done)


def stop_inside_a_unit(store: Components) -> None:
    """Write all that belongs to a step, and wait for the end before the commit."""
    with store.unit():
        submit(store, "half")
        take(store, "victim", 5)
        say("inside")
        sys.stdin.readline()


def fork(store: Components) -> None:
    """Write in turns with a child, which opens the file while the parent has it open, and outlives its connections."""
    submit(store, "parent-1")
    to_child, to_parent = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        submit(store, "child-1")
        os.write(to_parent[1], b"1")
        os.read(to_child[0], 1)
        submit(store, "child-2")
        store.unit.close()
        os._exit(0)
    os.read(to_parent[0], 1)
    submit(store, "parent-2")
    # The last one to close a file tidies up. The parent must notice that it is not the last.
    store.unit.close()
    os.write(to_child[1], b"1")
    say("child", os.waitpid(child, 0)[1])
    submit(store, "parent-3")


def fork_inside_a_unit(store: Components) -> None:
    """A child cannot share a transaction with its parent."""
    with store.unit():
        submit(store, "parent-1")
        child = os.fork()
        if child == 0:
            try:
                submit(store, "child-1")
            except StoreUnavailableError as error:
                say(error)
            os._exit(0)
        os.waitpid(child, 0)
    submit(store, "parent-2")


def fork_beside_busy_threads(store: Components, count: str) -> None:
    """Fork again and again while other threads write; each child writes as well."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            submit(store, new_id())

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for number in range(int(count)):
        child = os.fork()
        if child == 0:
            submit(store, f"child-{number}")
            os._exit(0)
        say("child", os.waitpid(child, 0)[1])
    stop.set()
    for writer in writers:
        writer.join()


if __name__ == "__main__":
    verb, path, *arguments = sys.argv[1:]
    opened = sqlite_components(arguments.pop(0) if verb == "submit_as" else APP, path)
    if verb == "submit_as":
        for number in range(int(arguments[0])):
            submit(opened, f"inv-{number:04}")
    else:
        globals()[verb](opened, *arguments)
