"""Tasks that events start, in the app of the fault tests."""

from fault_tasks import app, witness

from pynenc.trigger import TriggerBuilder, on_cron, on_event


def number_of(context):
    return {"number": context.payload["number"]}


def numbers_of(context):
    return {"numbers": [each.payload["number"] for each in context.contexts()]}


@app.task
def doubled(number: int) -> int:
    return 2 * number


def doubled_of(context):
    return {"number": context.result}


@app.task(triggers=on_event("burst").with_args_from_event(number_of))
def on_burst(number: int) -> int:
    return number


@app.task(triggers=TriggerBuilder().on_any_result(doubled).with_args_from_result(doubled_of))
def on_doubled(number: int) -> int:
    return number


@app.task(triggers=TriggerBuilder().on_event("left").on_event("right").with_args_from_trigger_context(numbers_of))
def on_pair(numbers: list[int]) -> list[int]:
    return numbers


@app.task(triggers=on_cron("* * * * * *", seconds=True, misfire="all"))
def on_second() -> None:
    pass


assert witness is not None
