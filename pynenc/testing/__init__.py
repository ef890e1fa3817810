"""For tests of applications and of plugins.

The suites that plugins subclass are in ``pynenc.testing.conformance``; they need pytest and Hypothesis.
"""

from pynenc.testing.clock import FakeClock
from pynenc.testing.waiting import wait_until

__all__ = ["FakeClock", "wait_until"]
