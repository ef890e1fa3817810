"""The grace time of a stop: what runs may end, and lines say what it goes to."""

import threading
from typing import Final

from pynenc.runner.pool import Pool

#: A stop that takes longer says what it waits for: after this time, and then at double the time again and again.
FIRST_LINE_SECONDS: Final = 1.0
#: Between two looks at whether the grace was ended from outside.
STEP_SECONDS: Final = 0.1
#: How long a slot that executes nothing is left to come to a decision.
BETWEEN_SECONDS: Final = 0.005
#: Invocations that a line names; of the others it says how many they are.
NAMED: Final = 10


def wait_for_the_rest(pool: Pool, grace_seconds: float, at_once: threading.Event) -> bool:
    """Wait until a pool that claims nothing more executes nothing; False when the grace is over or was ended."""
    clock, events = pool.engine.clock, pool.engine.events
    began = clock.monotonic()
    say_after = FIRST_LINE_SECONDS
    while not at_once.is_set():
        passed = clock.monotonic() - began
        left = grace_seconds - passed
        if left <= 0:
            return False
        if passed >= say_after:
            say_after = max(2 * passed, FIRST_LINE_SECONDS)
            with pool.lock:
                rest = list(pool.attempts.live.values())
            now = clock.now()
            named = [(each.record, now - each.started_at) for each in rest[:NAMED]]
            events.stop_waits(pool.runner_id, named, len(rest), left)
        if pool.attempts.drained(min(left, STEP_SECONDS)):
            if not pool.busy:
                return True
            # A slot is between a claim and its execution, or about to rest.
            at_once.wait(BETWEEN_SECONDS)
    return False
