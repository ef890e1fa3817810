"""What users give to the operations of a workflow, checked before anything is done or recorded."""

import math
from typing import Any

#: Longer is not meant; and it is within what clocks and sleeping threads can be told.
MAX_SECONDS = 100 * 365 * 86_400.0


def require_text(what: str, value: Any) -> None:
    """Check that a name is text: the record would give back text.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be text, and not {value!r}, a {type(value).__qualname__}.")


def checked_seconds(what: str, value: Any) -> float:
    """A number of seconds; what is below zero counts as zero.

    Raises:
        TypeError: it is no number.
        ValueError: it is none that can be waited for.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} takes a number of seconds, and not {value!r}, a {type(value).__qualname__}.")
    if math.isnan(value) or value > MAX_SECONDS:
        raise ValueError(f"{what} takes at most {MAX_SECONDS:.0f} seconds (100 years), and not {value!r}.")
    return max(0.0, float(value))
