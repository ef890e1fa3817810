"""Times on the command line: ``90``, ``15m``, ``2h``, ``7d`` ago, or a moment such as ``2026-01-31T12:00``."""

import re
import time
from datetime import datetime

import click

_SECONDS_OF = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd]?)")


def since(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """An option's text as seconds since the epoch; a moment without a zone is local time.

    Raises:
        BadParameter: it is no time.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return time.time() - float(ago["number"]) * _SECONDS_OF[ago["unit"]]
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except ValueError:
        message = f"{text!r} is no time: write 90, 15m, 2h or 7d (ago), or 2026-01-31T12:00"
        raise click.BadParameter(message, ctx, param) from None
