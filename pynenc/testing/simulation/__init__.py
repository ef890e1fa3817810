"""Simulation: the engine and several runners in one thread, with a seed, a fake clock, and faults at every write.

The steps, the scopes, recovery, the sweep and the duties are the real ones, over real transactions; threads, processes
and wake-ups are played (no wake-up ever arrives, so only what repairs lost ones is at work). Runners die in the middle
of a step, sleep past their leases, lose answers; queue entries get lost and come twice; the clock jumps. In the end
everything must have come to its one right end. A seed that fails replays exactly::

    python -m pynenc.testing.simulation --seed 17
"""

from pynenc.testing.simulation.world import Report, simulate

__all__ = ["Report", "simulate"]
