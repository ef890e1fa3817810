"""What each method of the builder writes."""

import pytest

from pynenc.conf.choices.component_choices import ComponentChoices
from pynenc.conf.choices.display_choices import DisplayChoices
from pynenc.conf.choices.runner_choices import RunnerChoices
from pynenc.conf.components import ComponentClasses
from pynenc.conf.config_pynenc import ArgumentPrintMode, ConfigPynenc, LogFormat
from pynenc.conf.config_task import ConcurrencyControlType
from pynenc.conf.settings import Settings


class Choosing(ComponentChoices, RunnerChoices, DisplayChoices):
    """The builder without the app that it builds."""


def product(name: str) -> dict[str, str]:
    suffixes = ("Orchestrator", "Broker", "StateBackend", "Trigger", "ClientDataStore")
    return dict(zip(ComponentClasses._fields, (name + suffix for suffix in suffixes), strict=True))


SIZES = {"min_size_to_cache": 1024, "local_cache_size": 1024}
TABLE = [
    (lambda c: c.app_id("x"), {"app_id": "x"}),
    (lambda c: c.memory(), product("Mem")),
    (lambda c: c.sqlite(), product("SQLite")),
    (lambda c: c.sqlite("a.db"), product("SQLite") | {"sqlite_db_path": "a.db"}),
    (lambda c: c.memory().sqlite(), product("SQLite")),
    (lambda c: c.mem_client_data_store(), {"client_data_store_cls": "MemClientDataStore", **SIZES}),
    (lambda c: c.disable_client_data_store(), {"disable_client_data_store": True}),
    (lambda c: c.client_data_store("disabled"), {"disable_client_data_store": True}),
    (lambda c: c.client_data_store(mode="redis"), {"client_data_store_cls": "RedisClientDataStore"}),
    (lambda c: c.client_data(mode="mongodb"), {"client_data_store_cls": "MongoClientDataStore"}),
    (
        lambda c: c.arg_cache("sqlite", 5, 6),
        {"client_data_store_cls": "SQLiteClientDataStore", "min_size_to_cache": 5, "local_cache_size": 6},
    ),
    (
        lambda c: c.mem_trigger(),
        {"trigger_cls": "MemTrigger", "scheduler_interval_seconds": 60, "enable_scheduler": True},
    ),
    (lambda c: c.trigger("Redis"), {"trigger_cls": "RedisTrigger"}),
    (lambda c: c.trigger_memory(), {"trigger_cls": "MemTrigger"}),
    (lambda c: c.thread_runner(), {"runner_cls": "ThreadRunner", "min_threads": 1, "max_threads": 0}),
    (
        lambda c: c.multi_thread_runner(2, 4, enforce_max_processes=True),
        {"runner_cls": "MultiThreadRunner", "min_threads": 2, "max_threads": 4, "enforce_max_processes": True},
    ),
    (
        lambda c: c.multi_thread_runner(min_processes=1, max_processes=2),
        {
            "runner_cls": "MultiThreadRunner",
            "min_threads": 1,
            "max_threads": 1,
            "enforce_max_processes": False,
            "min_processes": 1,
            "max_processes": 2,
        },
    ),
    (lambda c: c.process_runner(), {"runner_cls": "ProcessRunner"}),
    (lambda c: c.process_runner(max_processes=3), {"runner_cls": "ProcessRunner", "max_processes": 3}),
    (lambda c: c.persistent_process_runner(2), {"runner_cls": "PersistentProcessRunner", "num_processes": 2}),
    (lambda c: c.dummy_runner(), {"runner_cls": "DummyRunner"}),
    (lambda c: c.dev_mode(), {"dev_mode_force_sync_tasks": True}),
    (lambda c: c.dev_mode(force_sync_tasks=False), {"dev_mode_force_sync_tasks": False}),
    (lambda c: c.logging(), {}),
    (
        lambda c: c.logging("DEBUG", stream="stdout", colors=False, fmt="JSON"),
        {"logging_level": "debug", "log_stream": "stdout", "log_use_colors": False, "log_format": LogFormat.JSON},
    ),
    (lambda c: c.logging_colors(), {"log_use_colors": None}),
    (lambda c: c.logging_format(LogFormat.TEXT), {"log_format": LogFormat.TEXT}),
    (lambda c: c.runner_tuning(), {}),
    (lambda c: c.runner_tuning(min_parallel_slots=2), {"min_parallel_slots": 2}),
    (lambda c: c.task_control(), {}),
    (lambda c: c.task_control(queue_timeout_sec=1), {"queue_timeout_sec": 1}),
    (lambda c: c.task_control(blocking_control=False), {"blocking_control": False}),
    (lambda c: c.serializer_json(), {"serializer_cls": "JsonSerializer"}),
    (lambda c: c.serializer_json_pickle(), {"serializer_cls": "JsonPickleSerializer"}),
    (lambda c: c.serializer_pickle(), {"serializer_cls": "PickleSerializer"}),
    (lambda c: c.serializer("JsonPickle"), {"serializer_cls": "JsonPickleSerializer"}),
    (lambda c: c.serializer("path.to.Own"), {"serializer_cls": "path.to.Own"}),
    (lambda c: c.concurrency_control(), {}),
    (
        lambda c: c.concurrency_control("TASK", ConcurrencyControlType.KEYS),
        {
            "running_concurrency": ConcurrencyControlType.TASK,
            "registration_concurrency": ConcurrencyControlType.KEYS,
        },
    ),
    (lambda c: c.max_pending_seconds(3.5), {"max_pending_seconds": 3.5}),
    (
        lambda c: c.argument_print_mode("Truncated", 5),
        {
            "argument_print_mode": ArgumentPrintMode.TRUNCATED,
            "print_arguments": True,
            "truncate_arguments_length": 5,
        },
    ),
    (
        lambda c: c.hide_arguments(),
        {"argument_print_mode": ArgumentPrintMode.HIDDEN, "print_arguments": False},
    ),
    (
        lambda c: c.show_argument_keys(),
        {"argument_print_mode": ArgumentPrintMode.KEYS, "print_arguments": True},
    ),
    (
        lambda c: c.show_full_arguments(),
        {"argument_print_mode": ArgumentPrintMode.FULL, "print_arguments": True},
    ),
    (
        lambda c: c.show_truncated_arguments(),
        {
            "argument_print_mode": ArgumentPrintMode.TRUNCATED,
            "print_arguments": True,
            "truncate_arguments_length": 32,
        },
    ),
    (lambda c: c.trigger_task_modules(["a", "b"]), {"trigger_task_modules": {"a", "b"}}),
    (lambda c: c.trigger_task_modules("a"), {"trigger_task_modules": {"a"}}),
    (lambda c: c.custom_config(app_id="y", max_threads=2), {"app_id": "y", "max_threads": 2}),
]


@pytest.mark.parametrize(("choose", "written"), TABLE)
def test_what_a_method_writes(choose, written):
    choosing = Choosing()
    assert choose(choosing) is choosing
    assert choosing.config_values() == written
    # Whatever a builder writes is a setting that exists, with a value that it accepts.
    Settings(choosing.config_values(), environ={}).build(ConfigPynenc)


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda c: c.logging_level("loud"), "Invalid logging level: 'loud'"),
        (lambda c: c.logging_stream("file"), "Invalid logging stream"),
        (lambda c: c.logging_format("xml"), "Invalid logging format"),
        (lambda c: c.argument_print_mode("some"), "Invalid argument print mode"),
        (lambda c: c.argument_print_mode("truncated", 0), "truncate_length must be greater than 0"),
        (lambda c: c.concurrency_control("some"), "Invalid concurrency control type: 'some'"),
        (lambda c: c.trigger("disk"), "Invalid mode: 'disk'"),
        (lambda c: c.client_data_store("disk"), "Invalid mode: 'disk'"),
    ],
)
def test_wrong_words_are_refused_at_once(choose, message):
    with pytest.raises(ValueError, match=message):
        choose(Choosing())


def test_the_mapping_handed_out_is_a_copy():
    choosing = Choosing()
    choosing.config_values()["app_id"] = "x"
    assert choosing.config_values() == {}
