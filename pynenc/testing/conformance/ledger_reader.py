"""The duties of a ledger's reader."""

from dataclasses import replace
from typing import Any

import pytest

from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.status import InvocationStatus
from pynenc.ports import Orchestrator
from pynenc.testing.conformance.kit import NOW, OWNER, STRANGER, Conformance, ids, move, register, register_in
from pynenc.testing.conformance.races import THREADS, race

S = InvocationStatus


def found(ledger: Orchestrator, **conditions: Any) -> list[str]:
    """The ids that a query finds, oldest first unless it says otherwise."""
    conditions.setdefault("newest_first", False)
    return [record.invocation_id for record in ledger.find(InvocationQuery(**conditions))]


def counted(ledger: Orchestrator, *dimensions: str, **conditions: Any) -> dict[tuple[str, ...], int]:
    """How many a query counts; products may leave out zeros."""
    counts = ledger.count_by(dimensions, InvocationQuery(**conditions))
    return {values: count for values, count in counts.items() if count}


class PageDuties(Conformance):
    """Listings."""

    def test_an_empty_store_has_empty_pages(self, ledger: Orchestrator) -> None:
        assert found(ledger) == found(ledger, statuses=frozenset({S.PENDING}), after="inv") == []

    def test_pages_hold_records(self, ledger: Orchestrator) -> None:
        record = register_in(ledger, "inv", S.RUNNING)
        assert ledger.find(InvocationQuery()) == [record]

    def test_pages_follow_the_ids_in_both_directions(self, ledger: Orchestrator) -> None:
        order = ids(5)
        register(ledger, *(order[place] for place in (3, 0, 4, 1, 2)))
        assert found(ledger) == order
        assert found(ledger, newest_first=True) == order[::-1]
        assert found(ledger, limit=2) == order[:2]
        assert found(ledger, newest_first=True, limit=2, after=order[3]) == [order[2], order[1]]
        assert found(ledger, limit=2, after=order[3]) == [order[4]]

    @pytest.mark.parametrize(
        ("field", "value", "other"),
        [
            ("task_id", "app.tasks.sub", "app.tasks.su"),
            ("args_id", "args-2", "args"),
            ("queue", "mail", "mai_"),
            ("parent_id", "parent", "PARENT"),
            ("workflow_id", "flow", "flow%"),
            ("workflow_type", "app.tasks.flow", "flow"),
            ("running_key", "scope", "other scope"),
        ],
    )
    def test_a_condition_selects_what_is_equal(self, ledger: Orchestrator, field: str, value: str, other: str) -> None:
        same: dict[str, Any] = {field: value}
        near: dict[str, Any] = {field: other}
        register(ledger, "a", "b", **same)
        register(ledger, "c", **near)
        register(ledger, "d")
        assert found(ledger, **same) == ["a", "b"]
        assert found(ledger, **same, after="a") == ["b"]
        assert found(ledger, **same, newest_first=True, limit=1) == ["b"]
        assert found(ledger, **same, newest_first=True, after="b") == ["a"]
        assert found(ledger, **{field: "none"}) == []

    def test_a_workflow_is_its_root_and_its_members(self, ledger: Orchestrator) -> None:
        register(ledger, "a root", "another")
        register(ledger, "b", "c", workflow_id="a root")
        assert found(ledger, workflow_id="a root") == ["a root", "b", "c"]
        assert found(ledger, workflow_id="another") == ["another"]

    def test_the_owner_selects_what_is_owned_now(self, ledger: Orchestrator) -> None:
        register_in(ledger, "a", S.RUNNING)
        register_in(ledger, "b", S.RUNNING, owner=STRANGER)
        register_in(ledger, "c", S.SUCCESS)
        assert found(ledger, owner=OWNER) == ["a"]
        move(ledger, "a", S.SUCCESS)
        assert found(ledger, owner=OWNER) == []

    def test_statuses_select_any_of_them(self, ledger: Orchestrator) -> None:
        for status in S:
            register_in(ledger, status, status)
            assert found(ledger, statuses=frozenset({status})) == [status]
        assert found(ledger, statuses=frozenset({S.RUNNING, S.PAUSED, S.FAILED})) == ["failed", "paused", "running"]
        assert len(found(ledger, statuses=frozenset())) == len(S)

    def test_times_select_half_open_ranges(self, ledger: Orchestrator) -> None:
        for second, invocation_id in enumerate(ids(4)):
            register(ledger, invocation_id, now=NOW + second)
        assert found(ledger, registered_from=NOW + 1, registered_until=NOW + 3) == ids(4)[1:3]
        move(ledger, ids(1)[0], S.CANCELLED, now=NOW + 9)
        assert found(ledger, changed_before=NOW + 3) == ids(4)[1:3]

    def test_conditions_add_up(self, ledger: Orchestrator) -> None:
        for number, invocation_id in enumerate(ids(24)):
            fields = {"queue": "mail" if number % 2 else "default", "task_id": f"task-{number % 3}"}
            register_in(ledger, invocation_id, S.FAILED if number // 2 % 2 else S.RUNNING, parent_id="p", **fields)
        both = {"queue": "mail", "task_id": "task-1", "statuses": frozenset({S.RUNNING})}
        assert found(ledger, **both) == [ids(24)[1], ids(24)[13]]
        assert found(ledger, **both, parent_id="p", owner=OWNER, newest_first=True) == [ids(24)[13], ids(24)[1]]
        assert found(ledger, **both, parent_id="q") == []

    def test_paging_gives_each_once_while_the_store_changes(self, ledger: Orchestrator) -> None:
        register(ledger, *ids(40))
        query = InvocationQuery(limit=3, statuses=frozenset({S.REGISTERED, S.PENDING}))
        seen: list[str] = []
        while page := ledger.find(query):
            seen += [record.invocation_id for record in page]
            query = replace(query, after=seen[-1])
            register(ledger, f"new-{len(seen):06}")
            move(ledger, page[0].invocation_id, S.PENDING)
            ledger.drop([page[-1].invocation_id])
        assert seen == ids(40)[::-1]

    def test_paging_upward_reaches_what_came_meanwhile(self, ledger: Orchestrator) -> None:
        register(ledger, *ids(4))
        assert found(ledger, limit=4) == ids(4)
        register(ledger, *ids(6)[4:])
        assert found(ledger, limit=4, after=ids(4)[-1]) == ids(6)[4:]


class CountDuties(Conformance):
    """Counts."""

    def test_an_empty_store_counts_nothing(self, ledger: Orchestrator) -> None:
        assert counted(ledger, "status") == {}

    def test_combinations_are_counted(self, ledger: Orchestrator) -> None:
        register(ledger, "a", "b")
        register(ledger, "c", queue="mail")
        register_in(ledger, "d", S.RUNNING, queue="mail", task_id="app.tasks.send")
        assert counted(ledger, "status") == {("registered",): 3, ("running",): 1}
        assert counted(ledger, "queue", "status") == {
            ("default", "registered"): 2,
            ("mail", "registered"): 1,
            ("mail", "running"): 1,
        }
        assert counted(ledger, "task_id") == {("app.tasks.add",): 3, ("app.tasks.send",): 1}

    def test_counts_follow_every_change(self, ledger: Orchestrator) -> None:
        register(ledger, "a", "b")
        move(ledger, "a", S.PENDING, S.RUNNING)
        assert counted(ledger, "status") == {("registered",): 1, ("running",): 1}
        move(ledger, "a", S.SUCCESS)
        ledger.drop(["b"])
        assert counted(ledger, "status") == {("success",): 1}

    def test_conditions_count_but_pages_do_not(self, ledger: Orchestrator) -> None:
        register(ledger, *ids(7), parent_id="parent")
        register_in(ledger, "other", S.RUNNING)
        whole = {("registered",): 7}
        assert counted(ledger, "status", statuses=frozenset({S.REGISTERED}), limit=2, after=ids(3)[-1]) == whole
        assert counted(ledger, "status", parent_id="parent", limit=1, after=ids(3)[-1]) == whole
        assert counted(ledger, "status", owner=OWNER) == {("running",): 1}
        assert counted(ledger, "status", registered_until=NOW) == {}


class ChangeDuties(Conformance):
    """Following what is written."""

    def test_an_empty_store_has_no_change(self, ledger: Orchestrator) -> None:
        assert ledger.last_change() == 0
        assert ledger.changes(0, 5) == []

    def test_changes_are_the_histories_in_the_order_of_writing(self, ledger: Orchestrator) -> None:
        register(ledger, "b", "a")
        move(ledger, "a", S.PENDING, S.RUNNING)
        move(ledger, "b", S.CANCELLED)
        assert ledger.changes(0, 100) == ledger.history(["a", "b"])
        assert ledger.changes(0, 100)[-1].sequence == ledger.last_change()

    def test_who_follows_misses_and_repeats_nothing(self, ledger: Orchestrator) -> None:
        seen: list[tuple[str, S]] = []
        cursor, limit = ledger.last_change(), 2
        for number in range(12):
            register_in(ledger, f"inv-{number}", S.RUNNING)
            page = ledger.changes(cursor, limit)
            assert len(page) == limit
            seen += [(entry.invocation_id, entry.status) for entry in page]
            cursor = page[-1].sequence
        while page := ledger.changes(cursor, 5):
            seen += [(entry.invocation_id, entry.status) for entry in page]
            cursor = page[-1].sequence
        assert cursor == ledger.last_change()
        assert seen == [
            (f"inv-{number}", status) for number in range(12) for status in (S.REGISTERED, S.PENDING, S.RUNNING)
        ]

    def test_dropping_leaves_gaps_and_frees_no_number(self, ledger: Orchestrator) -> None:
        for invocation_id in ("a", "b", "c"):
            register(ledger, invocation_id)
        cursor = ledger.last_change()
        ledger.drop(["b", "c"])
        assert [entry.invocation_id for entry in ledger.changes(0, 9)] == ["a"]
        register(ledger, "d")
        assert [entry.invocation_id for entry in ledger.changes(cursor, 9)] == ["d"]

    def test_threads_write_one_sequence(self, ledger: Orchestrator) -> None:
        register(ledger, *ids(THREADS))
        cursor = ledger.last_change()
        steps = (S.PENDING, S.REROUTED) * 10
        race(lambda number: move(ledger, ids(THREADS)[number], *steps))
        entries = ledger.changes(cursor, 1_000)
        sequences = [entry.sequence for entry in entries]
        assert sequences == sorted(set(sequences))
        for invocation_id in ids(THREADS):
            assert tuple(entry.status for entry in entries if entry.invocation_id == invocation_id) == steps


class LedgerReaderConformance(PageDuties, CountDuties, ChangeDuties):
    """Everything a reader of the ledger owes."""
