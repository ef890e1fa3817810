"""The triggers of the code into the store, when a runner starts."""

import difflib
import importlib.util
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from pynenc.engine.engine import Engine
from pynenc.engine.trigger_known import KnownDefinitions
from pynenc.engine.triggers import time_occurrence
from pynenc.engine.user_code import contained
from pynenc.identifiers import TaskId
from pynenc.ports.backend import repeated
from pynenc.ports.trigger import StoredDefinition
from pynenc.trigger.conditions.cron import CronCondition
from pynenc.trigger.definition import TriggerDefinition, definition_id, schedules_in
from pynenc.trigger.requirements import watched_tasks


@repeated
def register_triggers(
    engine: Engine, triggers: Mapping[str, Sequence[TriggerDefinition]], task_keys: Collection[str], *, alone: bool
) -> None:
    """Make the store's definitions those of this code, in one unit.

    ``triggers``: by task; ``task_keys``: all tasks of the modules imported here; ``alone``: no other runner lives.

    A definition that did not change stays as it is, with how far its schedules are dealt with and what waits in its
    lines. Those of other tasks stay, unless the task is gone: its module was imported here and has it no more, or
    cannot be found and this runner is alone.
    """
    store = engine.definitions
    now = engine.clock.now()
    wanted: dict[str, StoredDefinition] = {}
    for task_id, definitions in triggers.items():
        for definition in definitions:
            text = definition.to_json(engine.serializer)
            name = definition_id(text)
            wanted[name] = StoredDefinition(name, task_id, text, now)
            _warn_of_unknown_tasks(engine, name, definition, task_keys)
    modules = {TaskId.from_key(key).module for key in task_keys}
    with engine.backend.unit():
        stored = {each.definition_id: each for each in store.definitions()}
        gone = [
            name for name, each in stored.items() if name not in wanted and _is_ours(each.task_id, modules, alone=alone)
        ]
        marks = store.marks()
        left_off = _left_off([stored[name] for name in gone], marks)
        store.change_definitions(list(wanted.values()), gone)
        known = KnownDefinitions(store, engine.serializer, engine.events.warning)()
        for name, new in wanted.items():
            for schedule in known.schedules_of(name):
                if schedule.name in marks:
                    continue
                # Times before this moment are not for it, unless it goes on for one that was changed.
                times = _times_of(new.task_id, schedule.condition)
                store.advance_mark(schedule.name, None, left_off.get(times, now))
                if schedule.condition.at_registration:
                    store.record([time_occurrence(schedule.name, now)])


def _left_off(gone: Sequence[StoredDefinition], marks: Mapping[str, float]) -> dict[tuple[object, ...], float]:
    """How far the schedules of triggers that go are dealt with, by their tasks and times.

    Whoever changes the arguments of a task that runs at ten, and has no runner at ten, would lose that run.
    """
    found: dict[tuple[object, ...], float] = {}
    for stored in gone:
        for number, condition in schedules_in(stored.text).items():
            mark = marks.get(f"{stored.definition_id}/{number}")
            if mark is not None:
                times = _times_of(stored.task_id, condition)
                found[times] = max(mark, found.get(times, mark))
    return found


def _times_of(task_id: str, condition: CronCondition) -> tuple[object, ...]:
    return task_id, condition.cron_expression, condition.timezone, condition.seconds


def _warn_of_unknown_tasks(
    engine: Engine, name: str, definition: TriggerDefinition, task_keys: Collection[str]
) -> None:
    """It may be right, and of a module that only other runners have; a typing error never fires."""
    for watched in sorted(watched_tasks(definition.condition).difference(task_keys)):
        module, _, _ = watched.rpartition(".")
        imported = {TaskId.from_key(key).module for key in task_keys}
        if module and module not in imported and _exists(module):
            # Imported when it is needed.
            continue
        close = difflib.get_close_matches(watched, task_keys, 1)
        engine.events.warning(
            f"trigger:{name} of task:{definition.task_id} ({definition.condition}) watches the task {watched}, which "
            "the code of this runner does not have, so it may never fire. "
            + (f"Did you mean {close[0]}?" if close else "Correct its name, or add its module to trigger_task_modules.")
        )


def _is_ours(task_id: str, modules: Collection[str], *, alone: bool) -> bool:
    """Whether this code decides what triggers a task has."""
    module = TaskId.from_key(task_id).module
    return module in modules or (alone and not _exists(module))


def _exists(module: str) -> bool:
    # Imports the packages above it.
    spec, error = contained(partial(importlib.util.find_spec, module))
    return spec is not None or not isinstance(error, ImportError | ValueError | None)
