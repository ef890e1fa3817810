"""A workflow that does what it is told."""

from collections.abc import Mapping
from typing import Any

from pynenc import Pynenc
from pynenc.testing.apps import APP_ID
from pynenc.workflow import WorkflowTimeoutError

app = Pynenc(app_id=APP_ID)

#: What took place outside, in order.
EFFECTS: list[str] = []


class RefusedError(Exception):
    """As it was told."""


@app.task
def child(number: int) -> int:
    EFFECTS.append(f"child {number}")
    return number + 100


@app.task
def failing_child(number: int) -> int:
    EFFECTS.append(f"failing child {number}")
    raise RefusedError(str(number))


def effect(number: int) -> int:
    EFFECTS.append(f"step {number}")
    return number


def failing_effect(number: int) -> int:
    EFFECTS.append(f"failing step {number}")
    raise RefusedError(str(number))


@app.workflow
def interpret(program: list[Any]) -> list[Any]:
    return [_perform(*operation) for operation in program]


def _perform(what: str, argument: Any = None) -> Any:  # noqa: C901 - a list of operations
    wf = interpret.wf
    match what:
        case "random":
            return wf.random()
        case "uuid":
            return wf.uuid()
        case "time":
            return wf.utc_now().isoformat()
        case "get":
            return wf.get_data("key", "nothing")
        case "set":
            return wf.set_data("key", argument)
        case "sleep":
            return wf.sleep(argument)
        case "patched":
            return wf.patched(argument)
        case "step":
            return wf.step(f"step {argument}", effect, argument)
        case "task":
            return wf.execute_task(child, argument).result
        case "failing step" | "failing task":
            return _failure_of(what, argument)
        case _:
            return _event(what, argument)


@app.task
def emitter(code: str, number: int) -> int:
    """Emits once, however often somebody dies."""
    emitter.app.trigger.emit_event(code, {"n": number}, transactional=True)
    return number


def is_odd(payload: Mapping[str, Any]) -> bool:
    return bool(payload["n"] % 2)


def _event(what: str, argument: int) -> Any:
    wf = interpret.wf
    if what == "emit":
        return wf.execute_task(emitter, "e", argument).result
    if what == "later event":
        # Most often it is not there yet, and the code is left.
        wf.execute_task(emitter, f"later {argument}", argument)
        return wf.wait_event(f"later {argument}").payload["n"]
    odd: Any = (lambda payload: payload["n"] % 2 == 1) if argument % 2 else is_odd
    wanted: Any = {"event": None, "this event": {"n": argument}, "odd event": odd}[what]
    try:
        return wf.wait_event("e", wanted, timeout=0).payload["n"]
    except WorkflowTimeoutError:
        return "nothing"


def _failure_of(what: str, argument: int) -> list[str]:
    wf = interpret.wf
    try:
        if what == "failing step":
            wf.step(f"failing step {argument}", failing_effect, argument)
        else:
            _ = wf.execute_task(failing_child, argument).result
    except RefusedError as error:
        return ["failed", str(error)]
    raise AssertionError(what)
