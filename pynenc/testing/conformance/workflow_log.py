"""The duties of the logs of workflows."""

import pytest

from pynenc.ports import StateBackend
from pynenc.testing.conformance.kit import NOW, ODD_TEXTS, Conformance
from pynenc.testing.conformance.races import race
from pynenc.workflow.log_entry import Continuation, Fence, LogEntry, OpenedLog

FIRST = Fence(0, 1)


def operation(position: int, **fields: object) -> LogEntry:
    """A step that came to something."""
    usual = LogEntry(
        position,
        "step",
        f"step {position}",
        "",
        '="value"',
        failed=False,
        dealt_with=False,
        attempt=1,
        recorded_at=NOW,
    )
    return usual._replace(**fields)  # type: ignore[arg-type]  # a test names fields


def begin(state: StateBackend, *positions: int, log_id: str = "log") -> list[LogEntry]:
    """A log with steps at these positions."""
    assert state.open_log(log_id, 1, 10) == OpenedLog(log_id, 0, [])
    entries = [operation(position) for position in positions]
    assert state.append_log(log_id, FIRST, entries)
    return entries


class WorkflowLogConformance(Conformance):
    """Everything a store of workflow logs owes."""

    def test_entries_come_back_in_order(self, state: StateBackend) -> None:
        begin(state)
        entries = [
            operation(-1, kind="patch", value=None),
            operation(1, failed=True, dealt_with=True, detail="digest", attempt=3, recorded_at=NOW + 0.25),
            operation(2, value=None),
            operation(10),
            operation(11),
        ]
        assert state.append_log("log", FIRST, [entries[3], entries[1]])
        assert state.append_log("log", FIRST, [entries[4], entries[2], entries[0]])
        assert state.read_log("log", -100, 100) == entries
        assert state.read_log("log", 1, 2) == entries[2:4]
        assert state.read_log("log", 11, 2) == state.read_log("unknown", 0, 2) == []
        opened = state.open_log("log", 2, 2)
        assert opened is not None
        assert list(opened.entries) == entries[:2]

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_texts_are_opaque(self, state: StateBackend, text: str) -> None:
        begin(state, log_id=text)
        entry = operation(1, kind=text, name=text, detail=text, value=text)
        assert state.append_log(text, FIRST, [entry])
        assert state.read_log(text, 0, 1) == [entry]

    def test_a_later_attempt_shuts_the_earlier_out(self, state: StateBackend) -> None:
        [first] = begin(state, 1)
        assert state.open_log("log", 2, 10) == OpenedLog("log", 0, [first])
        assert not state.append_log("log", FIRST, [operation(2)])
        assert state.open_log("log", 1, 10) is None
        assert state.append_log("log", Fence(0, 2), [operation(2)])
        assert state.read_log("log", 0, 10) == [first, operation(2)]

    def test_nobody_writes_to_what_he_has_not_opened(self, state: StateBackend) -> None:
        assert not state.append_log("log", FIRST, [operation(1)])
        assert state.read_log("log", 0, 10) == []

    def test_a_place_is_taken_once_and_a_refusal_leaves_nothing(self, state: StateBackend) -> None:
        entries = begin(state, 1, 2)
        assert not state.append_log("log", FIRST, [operation(3), operation(2, name="other")], [1])
        assert state.read_log("log", 0, 10) == entries

    def test_failures_are_marked_when_they_are_dealt_with(self, state: StateBackend) -> None:
        entries = begin(state, 1, 2)
        assert state.append_log("log", FIRST, [operation(3)], [1, 99])
        marked = state.read_log("log", 0, 10)
        assert marked == [entries[0]._replace(dealt_with=True), entries[1], operation(3)]

    def test_its_owner_forgets_entries(self, state: StateBackend) -> None:
        first, _, third, _ = begin(state, 1, 2, 3, 5)
        assert state.forget_entries("log", FIRST, [2, 5, 99])
        assert state.read_log("log", 0, 10) == [first, third]
        assert state.append_log("log", FIRST, [operation(2)])
        assert state.open_log("log", 2, 10) is not None
        assert not state.forget_entries("log", FIRST, [1])
        assert not state.forget_entries("unknown", FIRST, [1])
        assert state.read_log("log", 0, 10) == [first, operation(2), third]

    def test_another_invocation_goes_on_with_a_log(self, state: StateBackend) -> None:
        first, second, third = begin(state, 1, 2, 3)
        heir = Continuation("heir", "log", 1)
        assert state.continued_by("heir") is None
        assert state.continue_log(heir, [2])
        assert state.continued_by("heir") == heir
        assert state.continuations(["log", "unknown"]) == state.continuations() == [heir]
        assert state.open_log("heir", 1, 10) == OpenedLog("log", 1, [first, third])
        # An attempt of the first generation is a stale one, whatever its number.
        assert state.open_log("log", 99, 10) is None
        assert not state.append_log("log", FIRST, [operation(4)])
        assert state.append_log("log", Fence(1, 1), [second])

    def test_one_goes_on_for_each_generation(self, state: StateBackend) -> None:
        begin(state, 1)
        assert state.continue_log(Continuation("a", "log", 1), [])
        assert not state.continue_log(Continuation("b", "log", 1), [1])
        assert len(state.read_log("log", 0, 10)) == 1
        assert state.continue_log(Continuation("c", "log", 2), [])
        assert [each.invocation_id for each in state.continuations(["log"])] == ["a", "c"]

    def test_dropping_leaves_nothing_of_it(self, state: StateBackend) -> None:
        begin(state, 1)
        kept = begin(state, 1, log_id="kept")
        for workflow_id in ("log", "kept"):
            state.set_workflow_data(workflow_id, {"key": "value"})
        state.continue_log(Continuation("heir", "log", 1), [])
        state.drop_logs(["log", "unknown"])
        assert state.read_log("log", 0, 10) == []
        assert state.continuations() == []
        assert state.get_workflow_data("log") == {}
        assert state.read_log("kept", 0, 10) == kept
        assert state.get_workflow_data("kept") == {"key": "value"}
        assert state.open_log("log", 1, 10) == OpenedLog("log", 0, [])

    def test_purging_leaves_nothing_of_logs(self, state: StateBackend) -> None:
        begin(state, 1)
        state.continue_log(Continuation("heir", "log", 1), [])
        state.purge()
        assert state.read_log("log", 0, 10) == []
        assert state.continuations() == []
        assert state.open_log("log", 1, 10) == OpenedLog("log", 0, [])

    def test_of_those_who_race_for_a_place_one_gets_it(self, state: StateBackend) -> None:
        begin(state)
        won: list[int] = []

        def write(number: int) -> None:
            if state.append_log("log", FIRST, [operation(1, name=f"by {number}")]):
                won.append(number)

        race(write)
        assert [entry.name for entry in state.read_log("log", 0, 10)] == [f"by {number}" for number in won]
        assert len(won) == 1
