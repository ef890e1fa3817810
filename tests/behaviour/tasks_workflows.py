"""Workflows: what they record, how they fail, sleep and come back."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from behaviour_app import app
from gates_and_notes import note, notes, pass_gate

from pynenc.workflow import WorkflowTimeoutError


class ShakyError(Exception):
    """The world is not ready yet."""


@app.task
def doubled(journal: str, number: int) -> int:
    note(journal, f"doubled {number}")
    return 2 * number


@app.task
def refused(journal: str, reason: str) -> None:
    note(journal, f"refused {reason}")
    raise ShakyError(reason)


def effect(journal: str, name: str) -> str:
    """A side effect that leaves a trace."""
    note(journal, name)
    return f"{name} done"


def shaky_effect(journal: str, name: str, failures: int) -> str:
    note(journal, name)
    if notes(journal).count(name) <= failures:
        raise ShakyError(name)
    return f"{name} done"


async def async_effect(journal: str, name: str) -> str:
    await asyncio.sleep(0)
    note(journal, name)
    return f"{name} done"


def attempts(journal: str, name: str = "attempt") -> int:
    """How often this line was passed, this time included."""
    note(journal, name)
    return notes(journal).count(name)


@app.workflow(retry_for=(ShakyError,), max_retries=5)
def every_operation(journal: str, failures: int) -> dict[str, Any]:
    """One of each, and a failure at its end that has it run again."""
    wf = every_operation.wf
    values: dict[str, Any] = {
        "random": [wf.random(), wf.random()],
        "uuid": [wf.uuid(), wf.uuid()],
        "times": [wf.utc_now().isoformat(), wf.utc_now().isoformat()],
        "step": wf.step("effect", effect, journal, "effect"),
        "none": wf.step("nothing", note, journal, "nothing"),
        "before": wf.get_data("key", "default"),
        "patched": wf.patched("change"),
    }
    wf.set_data("key", {"answer": 42})
    values["after"] = wf.get_data("key")
    child = wf.execute_task(doubled, journal, 21)
    values["child"] = [child.invocation_id, child.result]
    note(journal, repr(values))
    if attempts(journal) <= failures:
        raise ShakyError("again")
    return values


@app.workflow(retry_for=(ShakyError,), max_retries=5)
def shaky_step(journal: str) -> str:
    """The failure of a step ends the attempt: it is tried again."""
    return shaky_step.wf.step("shaky", shaky_effect, journal, "shaky", failures=2)


@app.workflow(retry_for=(ShakyError,), max_retries=5)
def compensated(journal: str) -> list[str]:
    """The failures of a step and of a child are dealt with: what follows them depends on them."""
    wf = compensated.wf
    done = []
    try:
        wf.step("shaky", shaky_effect, journal, "shaky", failures=1)
    except ShakyError:
        done.append(wf.step("undo", effect, journal, "undo"))
    try:
        _ = wf.execute_task(refused, journal, "no").result
    except ShakyError as error:
        done.append(wf.step("undo child", effect, journal, f"undo {error}"))
    if attempts(journal) == 1:
        raise ShakyError("again")
    return done


@app.workflow
def sleeper(journal: str, seconds: float) -> list[str]:
    wf = sleeper.wf
    first = wf.step("before", effect, journal, "before")
    try:
        wf.sleep(seconds)
    finally:
        note(journal, "left")
    return [first, wf.step("after", effect, journal, "after")]


@app.workflow
def stubborn_sleeper(journal: str, seconds: float) -> str:
    """Catches what it should not."""
    try:
        stubborn_sleeper.wf.sleep(seconds)
    except BaseException:  # noqa: BLE001 - as users write it
        note(journal, "caught")
        return "wrong"
    return "right"


@app.workflow
async def coroutine(journal: str, seconds: float) -> dict[str, Any]:
    wf = coroutine.wf
    steps = [wf.step(name, async_effect, journal, name) for name in ("a", "b")]
    values: dict[str, Any] = {"steps": await asyncio.gather(*steps)}
    values["uuid"] = await asyncio.to_thread(wf.uuid)
    await asyncio.to_thread(wf.sleep, seconds)
    child = await asyncio.to_thread(wf.execute_task, doubled, journal, 4)
    values["child"] = await child
    return values


@app.workflow
async def on_the_loop() -> float:
    return on_the_loop.wf.random()


@app.task
def gated(gate: str, journal: str) -> str:
    note(journal, "gated")
    pass_gate(gate)
    return "passed"


@app.workflow
def patient(gate: str, journal: str) -> str:
    """Waits long for its child, and may be taken off its thread meanwhile."""
    note(journal, "patient")
    return patient.wf.execute_task(gated, gate, journal).result


@app.workflow
def patient_with_plain_call(gate: str, journal: str) -> str:
    note(journal, "patient")
    _ = doubled(journal, 1).result
    return patient_with_plain_call.wf.execute_task(gated, gate, journal).result


@app.workflow
def family(gate: str, journal: str) -> str:
    return family.wf.execute_task(patient, gate, journal).result


@app.workflow
def cleaning_up(gate: str, journal: str) -> str:
    """Cancelled while it waits, it cleans up through recorded operations."""
    wf = cleaning_up.wf
    try:
        return wf.execute_task(gated, gate, journal).result
    finally:
        wf.step("clean up", effect, journal, "clean up")


def emit_both() -> None:
    for code in ("a", "b"):
        changing.app.trigger.emit_event(code)


@app.workflow(retry_for=(ShakyError,), max_retries=1)
def changing(journal: str, what: str) -> Any:  # noqa: C901, PLR0912 - a list of ways to change
    """Does something else the second time."""
    wf = changing.wf
    second = attempts(journal) > 1
    match what:
        case "operation":
            _ = wf.uuid() if second else wf.random()
        case "task":
            _ = wf.execute_task(refused, journal, "1") if second else wf.execute_task(doubled, journal, 1)
        case "argument":
            wf.execute_task(doubled, journal, 2 if second else 1)
        case "step":
            wf.step("b" if second else "a", note, journal, "step")
        case "event":
            # Comes, so that the attempt ends and the other one begins.
            wf.step("emit", emit_both)
            wf.wait_event("b" if second else "a")
        case "end":
            _ = wf.random()
            if not second:
                _ = wf.random()
        case "swallowed":
            try:
                _ = wf.uuid() if second else wf.random()
            except Exception:  # noqa: BLE001 - as users write it
                note(journal, "swallowed")
        case _:
            # Guarded: the old code goes on for what began with it.
            marks = [wf.random()]
            if second and wf.patched("change"):
                marks.append(wf.random())
            marks.append(wf.random())
            if not second:
                raise ShakyError("again")
            return len(marks)
    if not second:
        raise ShakyError("again")
    return "followed"


@app.workflow
def failing_in_the_middle(journal: str, flag: str) -> list[str]:
    """Fails at its third step until the flag is there."""
    wf = failing_in_the_middle.wf
    done = [wf.step("first", effect, journal, "first")]
    ready = wf.execute_task(needs_flag, journal, flag)
    other = wf.execute_task(doubled, journal, 5)
    done += [ready.result, str(other.result)]
    return [*done, wf.step("last", effect, journal, "last")]


@app.task
def needs_flag(journal: str, flag: str) -> str:
    note(journal, "needs flag")
    if flag not in notes(journal):
        raise ShakyError(flag)
    return flag


@app.task
def nested_step(journal: str) -> Any:
    wf = nested_step.wf
    return wf.step("outer", wf.random)


@app.task
def root_of_others() -> str:
    return root_of_others.wf.root.uuid()


@app.workflow
def with_member() -> str:
    own: str = with_member.wf.root.uuid()
    assert own
    return with_member.wf.execute_task(root_of_others).result


@app.task
def member(key: str) -> list[Any]:
    wf = member.wf
    wf.set_data("from member", key)
    return [wf.get_data(key), wf.uuid()]


@app.workflow
def sharing() -> list[Any]:
    wf = sharing.wf
    wf.set_data("shared", [1, 2])
    theirs = wf.execute_task(member, "shared").result
    again = wf.execute_task(member, "shared").result
    return [theirs, again, wf.get_data("from member"), wf.uuid()]


@app.workflow
def sleeping_after_child(journal: str, seconds: float) -> int:
    wf = sleeping_after_child.wf
    wf.set_data("kept", "yes")
    number = wf.execute_task(doubled, journal, 1).result
    wf.sleep(seconds)
    return number


@app.workflow
def resumed_and_sleeping(journal: str) -> int:
    """Fails the first time it comes to its end, and sleeps the second time."""
    wf = resumed_and_sleeping.wf
    number = wf.execute_task(doubled, journal, 1).result
    if attempts(journal) == 1:
        raise ShakyError("again")
    wf.sleep(1000)
    return number


@app.workflow
def asleep(seconds: float) -> float:
    """How long it slept by its own clock."""
    before = asleep.wf.utc_now()
    asleep.wf.sleep(seconds)
    return (asleep.wf.utc_now() - before).total_seconds()


# --- events -----------------------------------------------------------------------------------------------------------


def is_large(payload: Mapping[str, Any]) -> bool:
    return payload["amount"] > 100


def only_false(payload: Mapping[str, Any]) -> bool:
    raise ShakyError(str(payload))


def filter_of(kind: str, value: Any) -> Any:
    match kind:
        case "dictionary":
            return {"order": value}
        case "function":
            return is_large
        case "lambda":
            return lambda payload: payload["order"] == value
        case "broken":
            return only_false
        case _:
            return None


@app.workflow(retry_for=(ShakyError,), max_retries=1)
def waiting_for(journal: str, kind: str, value: Any, times: int, timeout: float | None = None) -> list[Any]:
    """The payloads of so many events."""
    wf = waiting_for.wf
    note(journal, "began")
    came = [dict(wf.wait_event("paid", filter_of(kind, value), timeout).payload) for _ in range(times)]
    if attempts(journal, "came") == 1 and times > 1:
        raise ShakyError("again")
    return came


@app.workflow
def out_of_order(journal: str) -> list[Any]:
    """Wants what comes second first."""
    wf = out_of_order.wf
    wf.step("before", effect, journal, "before")
    wf.sleep(0.2)
    return [wf.wait_event("stage", {"name": name}).payload["name"] for name in ("second", "first")]


@app.workflow(retry_for=(ShakyError,), max_retries=1)
def impatient(journal: str, seconds: float) -> Any:
    """Goes on without what does not come, and comes to the same when it runs again."""
    wf = impatient.wf
    try:
        return wf.wait_event("never", timeout=timedelta(seconds=seconds)).payload
    except WorkflowTimeoutError as error:
        late = wf.step("late", effect, journal, "late")
        if attempts(journal) == 1:
            raise ShakyError("again") from error
        return [late, error.event_code, error.position]


@app.workflow
def strict(journal: str, seconds: float) -> Any:
    """Ends with the time-out."""
    note(journal, "began")
    return dict(strict.wf.wait_event("approved", timeout=seconds).payload)


@app.workflow
async def waiting_coroutine(journal: str) -> Any:
    wf = waiting_coroutine.wf
    note(journal, "began")
    event = await asyncio.to_thread(wf.wait_event, "paid", {"order": 1})
    return dict(event.payload)


@app.workflow
def emitting(journal: str) -> Any:
    """Waits for what a sub-task emits."""
    wf = emitting.wf
    wf.execute_task(emitter, "paid", 5)
    return wf.wait_event("paid", {"order": 5}).payload["order"]


@app.task
def emitter(code: str, order: int) -> None:
    app = emitter.app
    app.trigger.emit_event(code, {"order": order}, transactional=not app.conf.dev_mode_force_sync_tasks)
