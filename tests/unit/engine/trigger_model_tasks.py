"""What random triggers start, and what they watch."""

from pynenc import Pynenc
from pynenc.trigger.conditions import EventContext, ResultContext

app = Pynenc(app_id="model")


@app.task
def target(n: int) -> int:
    return n


@app.task
def first(x: int) -> int:
    return x


@app.task
def second(x: int) -> int:
    return x


def positive(values: dict) -> bool:
    return values["x"] > 0


def is_one(result: int) -> bool:
    return result == 1


def raising(_value: object) -> bool:
    raise SystemExit("a filter cannot end the evaluation")


def draining(values: dict) -> bool:
    values["lines"].clear()
    return True


def draining_result(result: list) -> bool:
    result.clear()
    return True


def count_of(event: EventContext) -> dict[str, int]:
    found = len(event.payload["lines"])
    event.payload["lines"].clear()
    return {"n": found}


def count_of_result(done: ResultContext) -> dict[str, int]:
    return {"n": len(done.result)}


def raising_arguments(_event: object) -> dict[str, int]:
    raise KeyboardInterrupt("an argument function cannot end the evaluation")


@app.task
def listing() -> list[int]:
    return [1, 2]


def has_lines(values: dict) -> bool:
    return len(values["lines"]) > 0
