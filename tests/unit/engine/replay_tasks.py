"""A workflow that does what it is told."""

from typing import Any

from pynenc import Pynenc
from pynenc.testing.apps import APP_ID

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


def _perform(what: str, argument: Any = None) -> Any:
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
        case _:
            return _failure_of(what, argument)


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
