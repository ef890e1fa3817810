"""The checks themselves: each finds what it is there to find."""

from pathlib import Path

import pytest

from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.testing import guarantees
from pynenc.testing.guarantees import Evidence
from pynenc.testing.witness import FOREVER_NS, Event, Note, Stay, Witness, overlaps, read_notes, stays

S = InvocationStatus
LIFE = (S.REGISTERED, S.PENDING, S.RUNNING, S.SUCCESS)
TAKEN_BACK = (S.REGISTERED, S.PENDING, S.RUNNING, S.RUNNING_RECOVERY, S.REROUTED, S.PENDING, S.RUNNING, S.SUCCESS)


def record(invocation_id: str, status: S, scope: str | None = None) -> InvocationRecord:
    nothing = dict.fromkeys(InvocationRecord._fields)
    return InvocationRecord(**{**nothing, "invocation_id": invocation_id, "status": status, "running_key": scope})


def evidence(scope: str | None = None, **walks: tuple[S, ...]) -> Evidence:
    """Invocations whose changes were written in turns: the first of each, the second of each, …"""
    histories: dict[str, list[HistoryEntry]] = {name: [] for name in walks}
    sequence = 0
    for step in range(max(map(len, walks.values()))):
        for name, walk in walks.items():
            if step < len(walk):
                sequence += 1
                attempt = walk[: step + 1].count(S.PENDING)
                owner = f"runner-{attempt}" if walk[step].is_owned() else None
                histories[name].append(HistoryEntry(sequence, name, walk[step], None, owner, attempt, float(sequence)))
    records = {name: record(name, walk[-1], scope) for name, walk in walks.items()}
    pids = {"runner-1": 1, "runner-2": 2}
    return Evidence(records=records, histories=histories, with_outcome=set(walks), pids=pids)


def note(invocation_id: str, attempt: int, pid: int, at_ns: int, event: Event = Event.START) -> Note:
    return Note(invocation_id, attempt, pid, event, at_ns)


# --- witness ----------------------------------------------------------------------------------------------------------


def test_only_a_running_task_has_something_to_note(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="inside of tasks"):
        Witness(tmp_path / "witness").note(Event.START)
    assert read_notes(tmp_path / "witness") == []


def test_stays_end_with_their_note_or_with_their_process() -> None:
    notes = [note("a", 1, 7, 10), note("a", 1, 7, 15, Event.END), note("a", 2, 8, 20), note("b", 1, 9, 30)]
    assert stays(notes, {8: 25}) == [Stay("a", 1, 7, 10, 15), Stay("a", 2, 8, 20, 25), Stay("b", 1, 9, 30, FOREVER_NS)]


def test_an_attempt_may_be_present_several_times() -> None:
    notes = [
        note("a", 1, 7, at, event) for at, event in ((1, Event.START), (2, Event.END), (5, Event.START), (6, Event.END))
    ]
    assert stays(notes) == [Stay("a", 1, 7, 1, 2), Stay("a", 1, 7, 5, 6)]


def test_overlaps_are_found_within_a_scope() -> None:
    first, inside, after = Stay("a", 1, 7, 1, 10), Stay("b", 1, 8, 5, 6), Stay("c", 1, 8, 10, 20)
    assert overlaps([first, inside, after], lambda _: "scope") == [(first, inside)]
    assert overlaps([first, inside, after], lambda each: each) == []
    assert overlaps([first, inside, after], lambda _: None) == []


def test_an_overlap_is_found_behind_another_that_has_ended() -> None:
    long, short, late = Stay("a", 1, 7, 1, 100), Stay("b", 1, 8, 5, 6), Stay("c", 1, 8, 50, 60)
    assert overlaps([long, short, late], lambda _: "scope") == [(long, short), (long, late)]


def test_a_torn_line_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "witness").write_text("a 1 7 start 10\nb 1")
    with pytest.raises(ValueError, match="No note of a witness: 'b 1'"):
        read_notes(tmp_path / "witness")


# --- ledger -----------------------------------------------------------------------------------------------------------


def test_a_good_life_contradicts_nothing() -> None:
    good = evidence(a=LIFE, b=TAKEN_BACK)
    assert guarantees.lost(good, ["a", "b"]) == guarantees.stuck(good) == guarantees.illegal(good) == []


def test_what_is_lost_or_stuck_is_found() -> None:
    assert len(guarantees.lost(evidence(a=LIFE), ["a", "b"])) == 1
    assert len(guarantees.stuck(evidence(a=LIFE, b=LIFE[:3]))) == 1


def test_what_is_illegal_is_found() -> None:
    assert guarantees.illegal(evidence(a=(S.REGISTERED, S.SUCCESS)))
    assert guarantees.illegal(evidence(a=(*LIFE, S.FAILED)))
    without_outcome = evidence(a=LIFE)
    assert guarantees.illegal(Evidence(**{**fields(without_outcome), "with_outcome": set()}))
    without_history = evidence(a=LIFE)
    assert guarantees.illegal(Evidence(**{**fields(without_history), "histories": {}}))


def fields(of: Evidence) -> dict[str, object]:
    return {name: getattr(of, name) for name in Evidence.__dataclass_fields__}


def test_two_at_once_in_a_scope_are_found() -> None:
    assert guarantees.scope_conflicts(evidence("scope", a=LIFE, b=LIFE))
    assert guarantees.scope_conflicts(evidence(None, a=LIFE, b=LIFE)) == []
    waits = (S.REGISTERED, S.CONCURRENCY_CONTROLLED, S.REROUTED, S.PENDING, S.RUNNING, S.SUCCESS)
    assert guarantees.scope_conflicts(evidence("scope", a=LIFE, b=waits)) == []


def test_two_witnessed_at_once_in_a_scope_are_found() -> None:
    both = [Stay("a", 1, 1, 1, 10), Stay("b", 1, 2, 5, 20)]
    assert guarantees.witnessed_conflicts(evidence("scope", a=LIFE, b=LIFE), both)
    assert guarantees.witnessed_conflicts(evidence(None, a=LIFE, b=LIFE), both) == []


# --- ledger and witness -----------------------------------------------------------------------------------------------


def test_a_repetition_needs_a_death() -> None:
    notes = [note("a", 1, 1, 10), note("a", 2, 2, 20)]
    assert guarantees.unexplained_repetitions(evidence(a=TAKEN_BACK), notes, {1}) == []
    assert guarantees.unexplained_repetitions(evidence(a=TAKEN_BACK), notes, {2})


def test_a_repetition_may_have_been_asked_for() -> None:
    retried = (S.REGISTERED, S.PENDING, S.RUNNING, S.RETRY, S.PENDING, S.RUNNING, S.SUCCESS)
    assert guarantees.unexplained_repetitions(evidence(a=retried), [note("a", 1, 1, 10), note("a", 2, 2, 20)], ()) == []


def test_an_attempt_in_two_processes_is_found() -> None:
    notes = [note("a", 1, 1, 10), note("a", 1, 2, 20)]
    assert guarantees.unexplained_repetitions(evidence(a=LIFE), notes, {1, 2})


def test_an_attempt_that_nobody_claimed_is_found() -> None:
    good = evidence(a=TAKEN_BACK)
    assert guarantees.executed_without_claim(good, [note("a", 1, 1, 10), note("a", 2, 2, 20)]) == []
    assert guarantees.executed_without_claim(good, [note("a", 3, 1, 10)])
    assert guarantees.executed_without_claim(good, [note("a", 2, 1, 10)])
