"""Named places at which a test may have the process die.

In production a crash point is a comparison of a global with None. The kill tests set ``PYNENC_CRASH_POINT``
to a name of ``CRASH_POINTS`` (``name:3``: at the third passage) and the process kills itself there with
SIGKILL, as the kernel or an operator would.
"""

import os
import signal

#: Every crash point there is, in the order of the life of a call.
CRASH_POINTS = (
    "submit.before_commit",
    "submit.after_commit",
    "queue.before_commit",
    "claim.before_commit",
    "claim.after_commit",
    "execute.before_call",
    "execute.after_call",
    "wait.before_commit",
    "wait.after_commit",
    "resume.before_commit",
    "resume.after_commit",
    "finish.before_commit",
    "finish.after_commit",
    "finish.before_wakeups",
    "recover.before_commit",
    "recover.after_commit",
    "reroute.before_commit",
    "reroute.after_commit",
    "schedule.before_commit",
    "schedule.after_commit",
    "trigger.before_settle",
    "trigger.before_commit",
    "trigger.after_commit",
    "event.before_record",
    "event.after_record",
)


class _Armed:
    def __init__(self, text: str) -> None:
        self.name, _, count = text.partition(":")
        self.passages_left = int(count or 1)
        if self.name not in CRASH_POINTS:
            raise ValueError(f"PYNENC_CRASH_POINT={text!r}: no such crash point; there are {', '.join(CRASH_POINTS)}")


_armed: _Armed | None = _Armed(os.environ["PYNENC_CRASH_POINT"]) if os.environ.get("PYNENC_CRASH_POINT") else None


def crash_point(name: str) -> None:
    """Die here if a test asked for it."""
    if _armed is not None and _armed.name == name:
        _armed.passages_left -= 1
        if _armed.passages_left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(text: str | None) -> None:
    """Arm one crash point in this process (``name`` or ``name:passage``), or none."""
    global _armed  # noqa: PLW0603 - the switch of this process; see the module's docstring
    _armed = _Armed(text) if text else None
