"""How SQLite goes about the statements: no step may read more than it needs, at any size of the store."""

import importlib
import pkgutil
import re

import pytest

from pynenc.backends import sqlite as backend
from pynenc.backends.sqlite import sqlite_components
from pynenc.backends.sqlite.opening import table_prefix
from pynenc.backends.sqlite.statements import ByIds, filled
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.status import InvocationStatus

PREFIX = table_prefix("app")

#: They read all of a table or an index on purpose, or begin to and stop at the first row.
READ_EVERYTHING = (
    "broker._PLACES",
    "broker._SIZES",
    "client_data_store._PURGE",
    "client_data_store._USAGE",
    "orchestrator._PURGE",
    "reader._LAST_CHANGE",
    "runner_board._ALL",
    "runner_board._DUTIES",
    "runner_board._FORGET",
    "runner_board._ORPHANS",
    "state_backend._PURGE",
    "trigger._DEFINITIONS",
    "trigger._FIRINGS ",
    "trigger._MARKS",
    "trigger._PURGE",
    "trigger._REMOVE",
    "trigger._UNSETTLED",
    "wait_graph._AWAITED_AVAILABLE",
    # As many as workflows were resumed.
    "workflow_log._CONTINUATIONS ",
)


def statements() -> dict[str, str]:
    """Every text of a statement in the modules of the backend, by its place."""
    found: dict[str, str] = {}
    for module_info in pkgutil.iter_modules(backend.__path__):
        module = importlib.import_module(f"{backend.__name__}.{module_info.name}")
        for name, value in vars(module).items():
            for each in value if isinstance(value, tuple) else (value,):
                text = each._text if isinstance(each, ByIds) else each
                if re.fullmatch("_[A-Z_]+", name) and isinstance(text, str) and "{p}" in text:
                    found[f"{module_info.name}.{name} {len(found)}"] = text.replace("{ids}", "?, ?")
    return {place: text for place, text in found.items() if "{conditions}" not in text}


@pytest.fixture
def plan(tmp_path):
    """What SQLite would do to execute a text."""
    store = sqlite_components("app", tmp_path / "db")
    store.broker.sizes()
    db = store.connection._opened()

    def steps_of(text: str) -> list[str]:
        text = filled(text, PREFIX)
        numbers = [int(number) for number in re.findall(r"\?(\d+)", text)]
        parameters = [0] * (max(numbers) if numbers else text.count("?"))
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {text}", parameters).fetchall()]

    yield steps_of
    store.unit.close()


@pytest.fixture
def plan_of_listing(tmp_path, plan):
    """What SQLite would do to find a page."""
    store = sqlite_components("app", tmp_path / "db")
    asked: list[str] = []

    def steps_of(query: InvocationQuery) -> list[str]:
        with store.unit():
            # It notes texts with the values in the places of the question marks.
            store.connection._opened().set_trace_callback(asked.append)
            store.orchestrator.find(query)
            store.connection._opened().set_trace_callback(None)
        return plan(asked.pop())

    yield steps_of
    store.unit.close()


@pytest.mark.parametrize(("place", "text"), statements().items(), ids=statements().keys())
def test_no_step_reads_a_whole_table(plan, place, text):
    scans = [step for step in plan(text) if step.startswith("SCAN") and (PREFIX in step or "history" in step)]
    assert not scans or place.startswith(READ_EVERYTHING)


def test_lost_owners_are_looked_for_among_the_owned(plan):
    [text] = [text for name, text in statements().items() if name.startswith("runner_board._ORPHANS ")]
    assert f"{PREFIX}invocations_owned" in plan(text)[0]


@pytest.mark.parametrize("place", ["broker._FIRST", "ledger._HOLDERS_OF_SCOPE", "ledger._LINE_AT_SCOPE"])
def test_what_comes_first_is_found_without_sorting(plan, place):
    [text] = [text for name, text in statements().items() if name.startswith(f"{place} ")]
    assert not [step for step in plan(text) if "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("index", "query"),
    [
        ("of_task", InvocationQuery(task_id="task")),
        ("of_task", InvocationQuery(task_id="task", newest_first=False, after="inv")),
        ("of_parent", InvocationQuery(parent_id="inv")),
        ("of_workflow", InvocationQuery(workflow_id="inv")),
        ("owned", InvocationQuery(owner="runner")),
        ("owned", InvocationQuery(statuses=frozenset({InvocationStatus.RUNNING, InvocationStatus.PAUSED}))),
        ("unowned", InvocationQuery(statuses=frozenset({InvocationStatus.FAILED}))),
        ("unowned", InvocationQuery(statuses=frozenset({InvocationStatus.REGISTERED, InvocationStatus.RETRY}))),
        ("in_scope", InvocationQuery(running_key="key", statuses=frozenset({InvocationStatus.RUNNING}))),
    ],
)
def test_a_listing_is_led_by_the_index_that_is_there_for_it(plan_of_listing, index, query):
    assert f"{PREFIX}invocations_{index}" in " ".join(plan_of_listing(query))


def test_a_listing_of_everything_follows_the_ids(plan_of_listing):
    [step] = plan_of_listing(InvocationQuery())
    assert "INDEX sqlite_autoindex" in step
