"""Which events a workflow wants: a dictionary, or a function of the payload."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pynenc.trigger.arguments.callables import NonModuleLevelFunctionError
from pynenc.trigger.arguments.filters import CallableArgumentFilter, StaticArgumentFilter
from pynenc.trigger.codec import Codec
from pynenc.workflow.operations import EventFilter


class Wanted:
    """A filter, and its stored form if it has one."""

    def __init__(self, accepts: Callable[[Mapping[str, Any]], bool], text: str | None) -> None:
        #: Whether a payload is wanted.
        self.accepts = accepts
        #: What others can read; None: only the code that has the function can tell.
        self.text = text


def wanted(given: EventFilter, codec: Codec) -> Wanted:
    """What a filter stands for.

    Raises:
        TypeError: it is neither a dictionary nor a function.
    """
    values: Any = given
    if given is None or isinstance(given, Mapping):
        static = StaticArgumentFilter(values or {})
        try:
            return Wanted(static.accepts, json.dumps(static.to_json(codec)))
        except Exception:  # noqa: BLE001 - a value that cannot be stored can still be compared here
            return Wanted(static.accepts, None)
    if not callable(given):
        raise TypeError(f"{given!r} is no filter of events: pass a dictionary of wanted values, or a function.")
    try:
        named = CallableArgumentFilter(given)
    except NonModuleLevelFunctionError:
        return Wanted(_checked(given), None)
    return Wanted(named.accepts, json.dumps(named.to_json(codec)))


def _checked(function: Callable[[Mapping[str, Any]], object]) -> Callable[[Mapping[str, Any]], bool]:
    def accepts(payload: Mapping[str, Any]) -> bool:
        answer = function(payload)
        if not isinstance(answer, bool):
            raise ValueError(  # noqa: TRY004 - a user's function answered wrongly; nobody passed us a wrong type
                f"The filter {function!r} returned {answer!r}. A filter decides, so it must return True or False."
            )
        return answer

    return accepts
