"""Tasks that start by themselves, and what starts them."""

from behaviour_app import app
from gates_and_notes import note, pass_gate

from pynenc.exceptions import RetryError
from pynenc.trigger import TriggerBuilder, on_event, on_status
from pynenc.trigger.conditions import CompositeCondition, CompositeLogic, EventCondition


@app.task
def source(journal: str, number: int) -> int:
    return number * 10


@app.task
def failing(journal: str, kind: str) -> None:
    raise {"key": KeyError, "value": ValueError}[kind]("no")


@app.task
def emitting(journal: str, *, fails: bool = False, gate: str = "") -> str:
    app.trigger.emit_event("plain", {"journal": journal})
    event_id = app.trigger.emit_event("transactional", {"journal": journal, "number": 1}, transactional=True)
    if gate:
        pass_gate(gate)
    if fails:
        raise ValueError
    return event_id


@app.task(max_retries=1)
def emitting_and_retried(journal: str) -> None:
    app.trigger.emit_event("transactional", {"journal": journal, "number": 2}, transactional=True)
    note(journal, "attempt")
    if emitting_and_retried.invocation.num_retries == 0:
        raise RetryError


def from_arguments(context):
    return {"journal": context.arguments.kwargs["journal"], "what": f"{context.status.name}"}


def from_result(context):
    return {"journal": context.arguments.kwargs["journal"], "what": f"result {context.result}"}


def from_exception(context):
    return {"journal": context.arguments.kwargs["journal"], "what": f"{context.exception_type}"}


def from_payload(context):
    return {"journal": context.payload["journal"], "what": f"{context.event_code} {context.payload.get('number')}"}


def from_both(context):
    status, result = context.contexts()
    assert status.invocation_id == result.invocation_id
    return {"journal": result.arguments.kwargs["journal"], "what": f"both {result.result}"}


def from_events(context):
    payloads = [each.payload for each in context.contexts()]
    return {"journal": payloads[0]["journal"], "what": " ".join(str(payload["number"]) for payload in payloads)}


def odd(result):
    return result % 20 == 10


def raises(payload):
    raise RuntimeError(payload["number"])


@app.task(triggers=on_status(source, ["success"]).with_args_from_status(from_arguments))
def on_success(journal: str, what: str) -> None:
    note(journal, "on_success", what)


@app.task(triggers=TriggerBuilder().on_result(source, odd).with_args_from_result(from_result))
def on_odd(journal: str, what: str) -> None:
    note(journal, "on_odd", what)


@app.task(triggers=TriggerBuilder().on_exception(failing, "KeyError").with_args_from_exception(from_exception))
def on_key_error(journal: str, what: str) -> None:
    note(journal, "on_key_error", what)


@app.task(
    triggers=TriggerBuilder()
    .on_event("plain")
    .on_event("transactional", {"number": 1})
    .with_logic("or")
    .with_args_from_event(from_payload)
)
def on_either(journal: str, what: str) -> None:
    note(journal, "on_either", what)


@app.task(triggers=TriggerBuilder().on_status(source).on_any_result(source).with_args_from_trigger_context(from_both))
def on_both(journal: str, what: str) -> None:
    note(journal, "on_both", what)


@app.task(
    triggers=[
        TriggerBuilder()
        .on_event("left")
        .add_condition(CompositeCondition([EventCondition("right"), EventCondition("middle")], CompositeLogic.OR))
        .with_args_from_trigger_context(from_events),
        on_event("middle").with_args_from_event(from_payload),
    ]
)
def on_pair(journal: str, what: str) -> None:
    note(journal, "on_pair", what)


@app.task(triggers=on_event("bad-filter", raises))
def on_bad_filter() -> None:
    raise AssertionError


@app.task(triggers=on_event("bad-arguments").with_args_static({"unknown": 1}))
def on_bad_arguments() -> None:
    raise AssertionError
