"""What random triggers start, and what they watch."""

from pynenc import Pynenc

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
