"""Which invocations triggers will still ask for: those of what is not evaluated yet, and of what waits in an AND."""

from pynenc.ports.trigger import Trigger
from pynenc.trigger.lines import Token

#: The clocks of those who record may differ by this much.
CLOCKS_DIFFER_SECONDS = 60.0


def undecided_since(trigger: Trigger) -> float:
    """What changed last before this time has no occurrence that is still to be evaluated."""
    oldest = trigger.pending(1)
    return oldest[0].at - CLOCKS_DIFFER_SECONDS if oldest else float("inf")


def waiting_invocations(trigger: Trigger) -> set[str]:
    """The invocations whose arguments and results an AND will pass on once its other conditions are satisfied.

    Their number is bounded, as that of waiting tokens is, and they are let go when their tokens are.
    """
    tokens = trigger.waiting([each.definition_id for each in trigger.definitions()])
    return {invocation for token in tokens for invocation in Token.from_json(token.text).about.values()}
