"""What runs on the server: one library of functions, loaded once, under a name that says which version it is.

Functions (Redis 7) rather than scripts: the code they share is run when the library is loaded, not at every call.
"""

import hashlib
import re
from functools import cache
from importlib.resources import files

from pynenc.invocation.status import AVAILABLE, FINAL, UNSTARTED

#: The parts of the library, in the order in which they need one another.
PARTS = (
    "records.lua",
    "queue.lua",
    "board.lua",
    "values.lua",
    "occurrences.lua",
    "wakeups.lua",
    "submit.lua",
    "claims.lua",
    "steps.lua",
    "waits.lua",
)

#: The tables of the status machine, as Lua has them: the rules stay in one place.
_STATUSES = {"FINAL": FINAL, "AVAILABLE": AVAILABLE, "UNSTARTED": UNSTARTED}


#: How the parts define a function that clients call.
_DEFINED = re.compile(r"^functions\.(\w+) = ", re.MULTILINE)


def _source() -> str:
    tables = [
        f"local {name} = {{ {', '.join(f'{status.value} = true' for status in sorted(statuses))} }}"
        for name, statuses in _STATUSES.items()
    ]
    parts = [files("pynenc_redis").joinpath("lua", part).read_text(encoding="utf-8") for part in PARTS]
    return "\n".join([*tables, "local functions = {}", *parts])


@cache
def library() -> tuple[str, str]:
    """The name of the library and its source. Another source has another name, so versions live side by side."""
    source = _source()
    name = "pynenc_" + hashlib.sha256(source.encode()).hexdigest()[:12]
    # One by one: while a library is loaded, the server has no loops over tables.
    register = "".join(
        f"redis.register_function('{name}_{short}', function(keys, args) return functions.{short}(keys[1], args) end)\n"
        for short in _DEFINED.findall(source)
    )
    return name, f"#!lua name={name}\n{source}\n{register}"


@cache
def function_name(short: str) -> str:
    """The name on the server of a function of the library."""
    return f"{library()[0]}_{short}"
