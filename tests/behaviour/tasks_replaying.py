"""Workflows whose failures, time-outs and changes must come to the same when they run again."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from behaviour_app import app
from gates_and_notes import DEADLINE_SECONDS, note, notes, open_gate

from pynenc import Pynenc
from pynenc.exceptions import InvocationTimeoutError


class AgainError(Exception):
    """Has the workflow run again."""


def attempts(journal: str, name: str = "attempt") -> int:
    """How often this line was passed, this time included."""
    note(journal, name)
    return notes(journal).count(name)


@app.workflow(retry_for=(AgainError,), max_retries=3)
def asking_new_questions(journal: str) -> list[bool]:
    """Three deployments, the last of which has dropped the questions of the others."""
    wf = asking_new_questions.wf
    deployment = attempts(journal)
    answers = [wf.patched(each) for each in {1: ["a"], 2: ["a", "b"], 3: ["c", "d"]}[deployment]]
    if deployment < 3:
        raise AgainError
    return answers


def effect(journal: str, name: str) -> str:
    note(journal, name)
    return f"{name} done"


def exits(journal: str) -> str:
    if attempts(journal, "exits") == 1:
        sys.exit("a library says no")
    return "worked"


def makes_what_cannot_be_recorded(journal: str) -> Any:
    note(journal, "made")
    return (each for each in ())


@app.workflow(retry_for=(AgainError,), max_retries=3)
def odd_ends(journal: str, how: str) -> str:
    """Catches how a step ends, compensates, and runs again."""
    wf = odd_ends.wf
    came: Any
    try:
        if how == "exit":
            came = wf.step("odd", exits, journal)
        else:
            came = wf.step("odd", makes_what_cannot_be_recorded, journal)
    except (SystemExit, Exception):  # noqa: BLE001 - as users write it
        came = wf.step("compensate", effect, journal, "compensate")
    if attempts(journal) < 3:
        raise AgainError
    return came


async def slow(journal: str) -> str:
    if attempts(journal, "slow") == 1:
        await asyncio.sleep(60)
    return "slow done"


async def fallback(journal: str) -> str:
    return effect(journal, "fallback")


@app.workflow(retry_for=(AgainError,), max_retries=3)
async def timed_step(journal: str) -> str:
    wf = timed_step.wf
    try:
        async with asyncio.timeout(0.1):
            came = await wf.step("slow", slow, journal)
    except TimeoutError:
        came = await wf.step("fallback", fallback, journal)
    if attempts(journal) < 3:
        raise AgainError
    return came


def shaky(journal: str, failures: int) -> str:
    if attempts(journal, "shaky") <= failures:
        raise AgainError
    return "shaky done"


async def shaky_beside(journal: str) -> str:
    return shaky(journal, 1)


async def slower(journal: str) -> str:
    await asyncio.sleep(0.05)
    return effect(journal, "beside")


@app.workflow(retry_for=(AgainError,), max_retries=3)
def busy_on_its_way_out(journal: str, how: str, failures: int) -> str:
    """Performs operations between the failure of a step and its own."""
    wf = busy_on_its_way_out.wf
    try:
        return wf.step("shaky", shaky, journal, failures)
    except AgainError as error:
        if how == "another":
            wf.step("compensate", effect, journal, "compensate")
            raise RuntimeError("for good") from error
        wf.utc_now()
        raise
    finally:
        wf.set_data("last seen", "here")


@app.workflow(retry_for=(AgainError,), max_retries=3)
async def gathering(journal: str) -> list[str]:
    wf = gathering.wf
    steps = [wf.step("shaky", shaky_beside, journal), wf.step("beside", slower, journal)]
    came = await asyncio.gather(*steps, return_exceptions=True)
    for each in came:
        if isinstance(each, BaseException):
            raise each
    return [str(each) for each in came]


@app.workflow(retry_for=(AgainError,), max_retries=3)
async def grouping(journal: str) -> list[str]:
    """The failure of one step cancels the other."""
    wf = grouping.wf

    async def run(name: str, function: Any) -> str:
        came: str = await wf.step(name, function, journal)
        return came

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run("beside", slower)), group.create_task(run("shaky", shaky_beside))]
    except* AgainError as errors:
        await asyncio.to_thread(wf.set_data, "last seen", "here")
        raise errors.exceptions[0] from None
    return [each.result() for each in tasks]


@app.task
def shaky_task(journal: str, failures: int) -> str:
    return shaky(journal, failures)


@app.workflow
def child_on_its_way_out(journal: str) -> str:
    wf = child_on_its_way_out.wf
    try:
        return wf.execute_task(shaky_task, journal, 1).result
    finally:
        wf.set_data("last seen", "here")


# --- resuming ---------------------------------------------------------------------------------------------------------


def needs(journal: str, flag: str) -> str:
    note(journal, "needs")
    if flag not in notes(journal):
        raise AgainError(flag)
    return flag


@app.task
def part(journal: str) -> str:
    part.wf.step("charge", effect, journal, "charge part")
    return part.wf.step("needs", needs, journal, "ready")


@app.workflow
def part_flow(journal: str) -> str:
    part_flow.wf.step("charge", effect, journal, "charge part")
    return part_flow.wf.step("needs", needs, journal, "ready")


@app.workflow
def middle(journal: str) -> str:
    middle.wf.step("charge", effect, journal, "charge middle")
    return middle.wf.execute_task(part_flow, journal).result


@app.workflow
def whole(journal: str, kind: str) -> str:
    wf = whole.wf
    wf.step("charge", effect, journal, "charge whole")
    below = {"task": part, "flow": part_flow, "deep": middle}[kind]
    return wf.execute_task(below, journal).result


# --- time-outs --------------------------------------------------------------------------------------------------------


@app.task
async def gated(gate: str) -> str:
    # Without a slot: who is to be told that it is late needs one.
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - a gate is a file
            await asyncio.sleep(0.01)
    return "in time"


@app.workflow(retry_for=(AgainError, InvocationTimeoutError), max_retries=3)
def impatient(journal: str, gate: str, caught: bool) -> str:
    """The second time its sub-task has ended."""
    child = impatient.wf.execute_task(gated, gate)
    try:
        came = child.result_within(30 if notes(journal) else 0.1)
    except InvocationTimeoutError:
        note(journal, "late")
        open_gate(gate)
        child.wait()
        if not caught:
            raise
        came = impatient.wf.step("fallback", effect, journal, "fallback")
    if caught and attempts(journal) < 3:
        raise AgainError
    return came


@app.workflow(retry_for=(AgainError,), max_retries=3)
async def impatient_coroutine(journal: str, gate: str) -> str:
    wf = impatient_coroutine.wf
    child = await asyncio.to_thread(wf.execute_task, gated, gate)
    try:
        came: str = await child.async_result(30 if notes(journal) else 0.1)
    except InvocationTimeoutError:
        note(journal, "late")
        open_gate(gate)
        came = await wf.step("fallback", fallback, journal)
    if attempts(journal) < 3:
        raise AgainError
    return came


# --- keeping ----------------------------------------------------------------------------------------------------------


@app.task(call_result_cache=True)
def cached(number: int) -> int:
    return 2 * number


@app.workflow
def uses_cached(seconds: float) -> int:
    child = uses_cached.wf.execute_task(cached, 21)
    uses_cached.wf.sleep(seconds)
    return child.result


@app.task
def outliving(seconds: float) -> list[Any]:
    wf = outliving.wf
    came = [wf.get_data("first", "lost")]
    wf.sleep(seconds)
    return [*came, wf.get_data("second", "lost")]


@app.workflow
def outlived(seconds: float) -> str:
    wf = outlived.wf
    wf.set_data("first", 1)
    wf.set_data("second", 2)
    return wf.execute_task(outliving, seconds).invocation_id


class Forgotten:
    """A class that the one who looks does not have."""

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Forgotten":
        assert not data
        return cls()


@app.workflow
def keeping_values(seconds: float) -> None:
    wf = keeping_values.wf
    wf.step("make", Forgotten)
    wf.set_data("odd", Forgotten())
    wf.set_data("plain", 1)
    wf.sleep(seconds)


# --- what is refused --------------------------------------------------------------------------------------------------


@app.workflow
def misused(what: str, value: Any = None) -> Any:  # noqa: C901 - a list of mistakes
    wf = misused.wf
    match what:
        case "key":
            wf.set_data(value, 1)
        case "key read":
            wf.get_data(value)
        case "step":
            wf.step(value, int)
        case "function":
            wf.step("five", value)
        case "patch":
            wf.patched(value)
        case "event":
            wf.wait_event(value)
        case "sleep":
            wf.sleep(value)
        case "timeout":
            wf.wait_event("never", timeout=value)
        case "async":
            wf.step("async", fallback, "")
        case "foreign":
            wf.execute_task(foreign)
        case "transactional":
            wf.step("tell", misused.app.trigger.emit_event, "told", {}, transactional=True)


foreign_app = Pynenc(app_id="another")


@foreign_app.task
def foreign() -> None:
    raise AssertionError("never called")


@app.workflow
def looking(count: int) -> float:
    """How far its clock goes when it only looks at it."""
    first = looking.wf.utc_now()
    times = [looking.wf.utc_now() for _ in range(count)]
    assert sorted(set(times)) == times
    return (times[-1] - first).total_seconds()


@app.workflow
async def random_on_the_loop() -> float:
    return random_on_the_loop.wf.random()
