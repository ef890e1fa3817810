"""The names that programs import, and where they import them from."""

import importlib

import pytest

import pynenc

#: Import paths that documents and sample programs use.
PATHS = {
    "pynenc": ["ConcurrencyControlType", "Pynenc", "PynencBuilder", "Task"],
    "pynenc.builder": ["PynencBuilder"],
    "pynenc.conf.config_task": ["ConcurrencyControlType"],
    "pynenc.invocation": ["DistributedInvocation"],
    "pynenc.invocation.status": ["InvocationStatus"],
    "pynenc.serializer": [
        "BaseSerializer",
        "JsonPickleSerializer",
        "JsonSerializable",
        "JsonSerializer",
        "PickleSerializer",
    ],
    "pynenc.serializer.json_serializer": ["JsonSerializable"],
    "pynenc.runner": [
        "DummyRunner",
        "MultiThreadRunner",
        "PersistentProcessRunner",
        "ProcessRunner",
        "ThreadRunner",
    ],
    # Stores of triggers are chosen by name (`trigger_cls="SQLiteTrigger"`), as all components are; there is no class of
    # theirs to import here, and no other stored form of a definition than its text.
    "pynenc.trigger": [
        "ConditionId",
        "TriggerBuilder",
        "TriggerContext",
        "TriggerDefinition",
        "TriggerDefinitionId",
        "on_cron",
        "on_event",
        "on_status",
    ],
    "pynenc.trigger.arguments": [
        "ArgumentFilter",
        "ArgumentProvider",
        "ArgumentProviderError",
        "CallableArgumentFilter",
        "CallableResultFilter",
        "CompositeArgumentProvider",
        "ContextCallable",
        "ContextTypeArgumentProvider",
        "DirectArgumentProvider",
        "NoResultFilter",
        "NonModuleLevelFunctionError",
        "SerializableCallable",
        "StaticArgumentFilter",
        "StaticArgumentProvider",
        "StaticResultFilter",
        "create_argument_filter",
        "create_result_filter",
    ],
    "pynenc.trigger.conditions": [
        "CompositeCondition",
        "CompositeLogic",
        "ConditionContext",
        "CronCondition",
        "CronContext",
        "EventCondition",
        "EventContext",
        "ExceptionCondition",
        "ExceptionContext",
        "MisfirePolicy",
        "ResultCondition",
        "ResultContext",
        "StatusCondition",
        "StatusContext",
        "TriggerCondition",
        "ValidCondition",
    ],
    "pynenc.trigger.conditions.composite": ["CompositeCondition", "CompositeLogic"],
    "pynenc.trigger.conditions.cron": ["CronCondition", "CronContext"],
    "pynenc.trigger.conditions.event": ["EventCondition", "EventContext"],
    "pynenc.trigger.conditions.exception": ["ExceptionCondition", "ExceptionContext"],
    "pynenc.trigger.conditions.result": ["ResultCondition", "ResultContext"],
    "pynenc.trigger.conditions.status": ["StatusCondition", "StatusContext"],
    "pynenc.trigger.trigger_builder": ["TriggerBuilder", "on_cron", "on_event", "on_status"],
    "pynenc.testing": ["FakeClock", "wait_until"],
    "pynenc.exceptions": [
        "AlreadyInitializedError",
        "ConfigError",
        "ConfigMultiInheritanceError",
        "CycleDetectedError",
        "ForkServerError",
        "InvalidTaskOptionsError",
        "InvocationConcurrencyWithDifferentArgumentsError",
        "InvocationError",
        "InvocationNotFoundError",
        "InvocationStatusError",
        "InvocationStatusOwnershipError",
        "InvocationStatusRaceConditionError",
        "InvocationStatusTransitionError",
        "PynencError",
        "RetryError",
        "RunnerError",
        "RunnerNotExecutableError",
        "SerializationError",
        "StateBackendError",
        "TaskError",
        "TaskParallelProcessingError",
        "TaskRoutingError",
    ],
}


def test_the_root_has_four_names():
    assert sorted(pynenc.__all__) == ["ConcurrencyControlType", "Pynenc", "PynencBuilder", "Task"]


@pytest.mark.parametrize("module", PATHS)
def test_public_paths(module):
    found = importlib.import_module(module)
    assert [name for name in PATHS[module] if not hasattr(found, name)] == []


@pytest.mark.parametrize(
    "module",
    [
        "pynenc",
        "pynenc.invocation",
        "pynenc.runner",
        "pynenc.serializer",
        "pynenc.testing",
        "pynenc.trigger",
        "pynenc.trigger.arguments",
        "pynenc.trigger.conditions",
    ],
)
def test_public_names_are_listed_and_documented(module):
    found = importlib.import_module(module)
    assert [name for name in PATHS[module] if name not in found.__all__] == []
    # A type alias has no docstring of its own.
    assert [name for name in found.__all__ if not getattr(found, name).__doc__ and name != "ContextCallable"] == []


def test_one_object_has_one_class():
    # The same name from two paths is the same thing: `except` and `isinstance` work whichever was imported.
    assert pynenc.PynencBuilder is importlib.import_module("pynenc.builder").PynencBuilder
    assert pynenc.ConcurrencyControlType is importlib.import_module("pynenc.conf.config_task").ConcurrencyControlType


def test_every_error_is_in_the_tree_and_in_its_picture():
    errors = importlib.import_module("pynenc.exceptions")
    below = {errors.PynencError}
    while more := {child for cls in below for child in cls.__subclasses__()} - below:
        below |= more
    ours = {cls for cls in below if cls.__module__.startswith("pynenc.") and not cls.__name__.startswith("_")}
    drawn = {line.split("─ ")[1].split()[0] for line in str(errors.__doc__).splitlines() if "─ " in line}
    elsewhere = {cls.__name__ for cls in ours if cls.__module__ != "pynenc.exceptions"}
    assert {cls.__name__ for cls in ours if cls.__module__ == "pynenc.exceptions"} == {"PynencError", *drawn}
    of_workflows = {f"Workflow{kind}Error" for kind in ("", "Access", "Mismatch", "Pause", "Timeout")}
    assert elsewhere <= {"CommandError", "AppNotLoadableError"} | of_workflows  # of the command line nobody catches any


@pytest.mark.parametrize("name", ["MemTrigger", "SQLiteTrigger", "SqliteTrigger"])
def test_stores_of_triggers_are_chosen_by_name(name, tmp_path):
    app = pynenc.Pynenc({"app_id": "names", "trigger_cls": name, "sqlite_db_path": str(tmp_path / "db")})
    assert type(app.engine.backend.trigger).__name__ == name.replace("Sqlite", "SQLite")
    app.close()
