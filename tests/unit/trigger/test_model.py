"""Conditions, filters, providers and the builder, without any store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pynenc.arguments import Arguments
from pynenc.invocation.status import InvocationStatus
from pynenc.serializer import JsonSerializer
from pynenc.trigger import TriggerBuilder, TriggerContext, on_cron, on_event, on_status
from pynenc.trigger.arguments import ArgumentProviderError, NonModuleLevelFunctionError
from pynenc.trigger.conditions import (
    CompositeCondition,
    CompositeLogic,
    CronCondition,
    EventCondition,
    EventContext,
    ExceptionCondition,
    ExceptionContext,
    ResultCondition,
    ResultContext,
    StatusCondition,
    ValidCondition,
)
from pynenc.trigger.definition import definition_from_json, definition_id

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
CODEC = JsonSerializer()


def large(payload):
    return payload["size"] > 10


def no_bool(_payload) -> Any:
    return 1


def from_event(context):
    return {"name": context.payload["name"]}


def from_all(context):
    return {"count": len(context.valid_conditions)}


def no_dict(_context) -> Any:
    return [1]


def event(code="made", **payload):
    return EventContext(timestamp=NOW, event_id="e1", event_code=code, payload=payload)


def result(value, **arguments):
    return ResultContext(
        timestamp=NOW,
        task_id="m.f",
        call_id="c",
        invocation_id="i",
        arguments=Arguments(arguments),
        status=InvocationStatus.SUCCESS,
        result=value,
    )


def failure(kind, **arguments):
    return ExceptionContext(
        timestamp=NOW,
        task_id="m.f",
        call_id="c",
        invocation_id="i",
        arguments=Arguments(arguments),
        status=InvocationStatus.FAILED,
        exception_type=kind,
        exception_message="",
    )


@pytest.mark.parametrize(
    ("condition", "context", "accepted"),
    [
        (EventCondition("made"), event(), True),
        (EventCondition("other"), event(), False),
        (EventCondition("made", {"size": 3}), event(size=3, color="red"), True),
        (EventCondition("made", {"size": 3}), event(size=4), False),
        (EventCondition("made", {"size": None}), event(), False),
        (EventCondition("made", large), event(size=11), True),
        (EventCondition("made", large), event(size=10), False),
        (StatusCondition("m.f"), result(1), True),
        (StatusCondition("m.g"), result(1), False),
        (StatusCondition("m.f", "failed"), result(1), False),
        (StatusCondition("m.f", ["Failed", InvocationStatus.SUCCESS], {"x": 1}), result(1, x=1), True),
        (StatusCondition("m.f", arguments_filter={"x": 2}), result(1, x=1), False),
        (ResultCondition("m.f"), result(None), True),
        (ResultCondition("m.f", None, None), result(None), True),
        (ResultCondition("m.f", None, None), result(0), False),
        (ResultCondition("m.f", None, large), result({"size": 11}), True),
        (ExceptionCondition("m.f"), failure("ValueError"), True),
        (ExceptionCondition("m.f", None, ValueError), failure("ValueError"), True),
        (ExceptionCondition("m.f", None, ["KeyError", "TypeError"]), failure("ValueError"), False),
        (ExceptionCondition("m.f"), result(1), False),
    ],
)
def test_what_satisfies_a_condition(condition, context, accepted):
    assert condition.accepts(context) is accepted
    definition = TriggerBuilder().add_condition(condition).build("m.t")
    text = definition.to_json(CODEC)
    again = definition_from_json(text, CODEC)
    assert again.to_json(CODEC) == text
    [leaf] = again.leaves()
    assert leaf.accepts(context) is accepted
    assert leaf.condition_id == condition.condition_id


def test_a_filter_must_answer_with_a_bool():
    with pytest.raises(ValueError, match="no_bool returned 1"):
        EventCondition("made", no_bool).accepts(event())


def test_functions_must_be_importable():
    def nested(_payload) -> Any:
        return True

    not_importable: list[Any] = [lambda _payload: True, nested, Path().exists]
    for function in not_importable:
        with pytest.raises(NonModuleLevelFunctionError, match="level of a module"):
            on_event("made", function)
        with pytest.raises(NonModuleLevelFunctionError, match="level of a module"):
            TriggerBuilder().with_args_from_event(function)


def test_conditions_say_what_is_wrong():
    with pytest.raises(ValueError, match="no status"):
        on_status("m.f", "done")
    with pytest.raises(TypeError, match="no task"):
        on_status(3)
    with pytest.raises(ValueError, match="no conditions"):
        TriggerBuilder().build("m.t")
    with pytest.raises(ValueError, match="needs parts"):
        CompositeCondition([])
    with pytest.raises(ValueError, match="xor"):
        TriggerBuilder().with_logic("xor")


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "* * * * * *", "a b c d e", "* * * * * * *"])
def test_bad_cron_expressions(expression):
    with pytest.raises(ValueError, match="Invalid cron expression"):
        on_cron(expression)


def test_seconds_are_mentioned():
    with pytest.raises(ValueError, match="seconds precision is not supported"):
        on_cron("* * * * * *")
    with pytest.raises(ValueError, match="Time zone"):
        on_cron("* * * * *", timezone="Europe/Atlantis")


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "*/5 * 31 11 *"])
def test_a_time_that_never_comes_is_refused(expression):
    with pytest.raises(ValueError, match="never comes"):
        on_cron(expression)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 29 2 mon", "0 0 30 2 mon", "0 0 31 1-4 *"])
def test_a_time_that_comes_seldom_is_not(expression):
    assert next(CronCondition(expression).times_after(at(2030, 1, 1)))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("option", ["jitter_seconds", "misfire_grace_seconds"])
def test_numbers_that_are_no_durations(option, number):
    options: dict[str, Any] = {option: number}
    with pytest.raises(ValueError, match=r"jitter_seconds finite and 0 or more; got .*(nan|inf|-1)"):
        on_cron("* * * * *", **options)
    with pytest.raises(ValueError, match="finite"):
        TriggerBuilder().on_event("a").with_logic("and", within_seconds=number).build("m.t")


def test_other_options_of_schedules():
    zone: Any = None
    with pytest.raises(ValueError, match="Time zone None"):
        on_cron("* * * * *", timezone=zone)
    with pytest.raises(ValueError, match="misfire='never' is unknown; there are 'skip', 'once', 'all'"):
        on_cron("* * * * *", misfire="never")


def at(*fields):
    return datetime(*fields, tzinfo=UTC).timestamp()


def times(condition, after, count=3):
    found = condition.times_after(after)
    return [datetime.fromtimestamp(next(found), UTC).strftime("%d %H:%M:%S") for _ in range(count)]


def test_times_of_a_schedule():
    after = at(2030, 1, 1, 10, 0, 30)
    assert times(CronCondition("*/20 * * * *"), after) == ["01 10:20:00", "01 10:40:00", "01 11:00:00"]
    assert times(CronCondition("*/20 * * * * *", seconds=True), after, 2) == ["01 10:00:40", "01 10:01:00"]
    assert times(CronCondition("0 9 * * *", timezone="America/New_York"), after, 2) == ["01 14:00:00", "02 14:00:00"]


def test_misfires():
    start, later = at(2030, 1, 1, 10, 0), at(2030, 1, 1, 10, 7, 30)
    newest, upcoming = at(2030, 1, 1, 10, 7), at(2030, 1, 1, 10, 8)
    assert CronCondition("* * * * *").due("d", start, later) == ([newest], newest, upcoming)
    assert CronCondition("* * * * *", misfire="skip").due("d", start, later)[0] == [newest]
    assert CronCondition("* * * * *", misfire="skip", misfire_grace_seconds=10).due("d", start, later)[:2] == (
        [],
        newest,
    )
    assert len(CronCondition("* * * * *", misfire="all").due("d", start, later)[0]) == 7
    assert CronCondition("* * * * *", misfire="all", catch_up_limit=2).due("d", start, later)[0] == [
        newest - 60,
        newest,
    ]
    assert CronCondition("* * * * *").due("d", newest, later) == ([], None, upcoming)


def test_a_long_pause_costs_no_walk_through_it():
    every_second = CronCondition("* * * * * *", seconds=True, misfire="all", catch_up_limit=3)
    now = at(2030, 1, 1)
    slots, newest, _ = every_second.due("d", 0.0, now)
    assert (slots, newest) == ([now - 2, now - 1, now], now)


def test_jitter_delays_by_the_same_everywhere():
    condition = CronCondition("* * * * *", jitter_seconds=30)
    slot = at(2030, 1, 1, 10, 1)
    delay = condition.jitter_at("d", slot)
    assert 0 <= delay < 30
    assert delay != condition.jitter_at("e", slot)
    assert condition.due("d", slot - 60, slot + delay - 0.01)[0] == []
    assert condition.due("d", slot - 60, slot + delay + 0.01)[0] == [slot]


def causes(*pairs):
    context = TriggerContext(NOW)
    for condition, cause in pairs:
        context.add_valid_condition(ValidCondition(condition, cause))
    return context


def provided(builder, context):
    text = builder.on_event("made").build("m.t").to_json(CODEC)
    provider = definition_from_json(text, CODEC).argument_provider
    assert provider is not None
    return provider.get_arguments(context)


def test_where_arguments_come_from():
    made = causes((EventCondition("made"), event(name="x")))
    assert provided(TriggerBuilder().with_args_static({"a": [1]}), made) == {"a": [1]}
    assert provided(TriggerBuilder().with_arguments({"a": 1}), made) == {"a": 1}
    assert provided(TriggerBuilder().with_args_from_event(from_event), made) == {"name": "x"}
    assert provided(TriggerBuilder().with_args_from_trigger_context(from_all), made) == {"count": 1}
    several = TriggerBuilder().with_args_from_result(from_all).with_args_from_event(from_event)
    assert provided(several, made) == {"name": "x"}
    with pytest.raises(ArgumentProviderError, match="wants a ResultContext"):
        provided(TriggerBuilder().with_args_from_result(from_all), made)
    with pytest.raises(ArgumentProviderError, match="returned list"):
        provided(TriggerBuilder().with_args_from_trigger_context(no_dict), made)


def test_any_change_makes_another_definition():
    builders = [
        on_event("made"),
        on_event("made").with_logic("or"),
        on_event("made").with_args_static({"x": 1}),
        on_event("made").with_args_static({"x": 2}),
        on_event("made", {"x": 2}),
        on_cron("* * * * *"),
        on_cron("* * * * *", jitter_seconds=1),
    ]
    ids = {definition_id(builder.build("m.t").to_json(CODEC)) for builder in builders}
    assert len(ids) == len(builders)


def test_composites_nest():
    inner = CompositeCondition([EventCondition("a"), EventCondition("b")], CompositeLogic.OR)
    definition = TriggerBuilder().add_condition(inner).on_event("c").build("m.t")
    again = definition_from_json(definition.to_json(CODEC), CODEC)
    assert str(again.condition) == "((event a OR event b) AND event c)"
    assert again.condition.sources() == {"event:a", "event:b", "event:c"}
    assert len(again.leaves()) == 3
