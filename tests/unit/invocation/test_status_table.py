"""The status table, every pair and every kind of actor, against the table as the specification has it."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest

from pynenc.exceptions import InvocationStatusOwnershipError, InvocationStatusTransitionError
from pynenc.invocation import status as table
from pynenc.invocation.status import (
    AVAILABLE,
    FINAL,
    OWNED,
    UNSTARTED,
    InvocationStatus,
    InvocationStatusRecord,
    StatusConfiguration,
    StatusDefinition,
    check_history,
    compute_new_owner,
    get_status_definition,
    status_record_transition,
    statuses_before,
    validate_ownership,
    validate_transition,
)

S = InvocationStatus

#: Written down from the specification, not from the code: the published graph, and the edges added to it.
PUBLISHED = """
    -                            REGISTERED
    REGISTERED                   PENDING CONCURRENCY_CONTROLLED CONCURRENCY_CONTROLLED_FINAL
    CONCURRENCY_CONTROLLED       REROUTED
    CONCURRENCY_CONTROLLED_FINAL
    REROUTED                     PENDING CONCURRENCY_CONTROLLED
    PENDING                      RUNNING KILLED REROUTED PENDING_RECOVERY
    PENDING_RECOVERY             REROUTED
    RUNNING                      PAUSED KILLED RETRY SUCCESS FAILED RUNNING_RECOVERY
    RUNNING_RECOVERY             REROUTED
    PAUSED                       RESUMED KILLED
    RESUMED                      PAUSED KILLED RETRY SUCCESS FAILED
    KILLED                       REROUTED
    RETRY                        PENDING
    SUCCESS
    FAILED
"""
ADDED = """
    PAUSED                       RUNNING_RECOVERY
    RESUMED                      RUNNING_RECOVERY
    PENDING_RECOVERY             FAILED
    RUNNING_RECOVERY             FAILED
    RETRY                        CONCURRENCY_CONTROLLED
    RUNNING                      REROUTED
    RESUMED                      REROUTED
    REGISTERED                   CANCELLED
    CONCURRENCY_CONTROLLED       CANCELLED
    REROUTED                     CANCELLED
    PENDING                      CANCELLED
    PENDING_RECOVERY             CANCELLED
    RUNNING                      CANCELLED
    RUNNING_RECOVERY             CANCELLED
    PAUSED                       CANCELLED
    RESUMED                      CANCELLED
    KILLED                       CANCELLED
    RETRY                        CANCELLED
"""


def _edges(text):
    rows = [line.split() for line in text.strip().splitlines()]
    return {(row[0], target) for row in rows for target in row[1:]}


EDGES = _edges(PUBLISHED) | _edges(ADDED)
#: Names, not members: nothing here is computed from the table under test.
FINAL_NAMES = {"SUCCESS", "FAILED", "CONCURRENCY_CONTROLLED_FINAL", "CANCELLED"}
AVAILABLE_NAMES = {"REGISTERED", "REROUTED", "RETRY"}
OWNED_NAMES = {"PENDING", "RUNNING", "PAUSED", "RESUMED"}
RECOVERY_NAMES = {"PENDING_RECOVERY", "RUNNING_RECOVERY"}

FROM = [None, *S]
OWNER, STRANGER = "runner-1", "runner-2"


def _name(status):
    return "-" if status is None else status.name


def _record(status):
    """A record as the table leaves it: owned exactly where the status needs an owner."""
    if status is None:
        return None
    return InvocationStatusRecord(status, OWNER if status.name in OWNED_NAMES else None)


def _expected(current, target, actor):
    """What the specification says of one transition: the error, or the owner afterwards."""
    if (_name(current), target.name) not in EDGES:
        return InvocationStatusTransitionError
    if current is not None and target.name not in RECOVERY_NAMES:
        if current.name in OWNED_NAMES and actor != OWNER:
            return InvocationStatusOwnershipError
        if target is S.PENDING and not actor:
            return InvocationStatusOwnershipError
    if target is S.PENDING:
        return actor
    return OWNER if target.name in OWNED_NAMES else None


def test_the_enumeration_is_the_published_one():
    names = {name for edge in EDGES for name in edge} - {"-"}
    assert {status.name for status in S} == names
    assert len(S) == 15
    assert all(status.value == status.name.lower() == str(status) for status in S)


def test_the_sets():
    assert {status.name for status in FINAL} == FINAL_NAMES
    assert {status.name for status in AVAILABLE} == AVAILABLE_NAMES
    assert {status.name for status in OWNED} == OWNED_NAMES
    assert {status.name for status in UNSTARTED} == {*AVAILABLE_NAMES, "CONCURRENCY_CONTROLLED", "PENDING"}
    assert S.get_final_statuses() == FINAL
    assert S.get_available_for_run_statuses() == AVAILABLE


@pytest.mark.parametrize("status", S)
def test_the_flags_of_each_status(status):
    definition = get_status_definition(status)
    assert (status.is_final(), definition.is_final) == (status.name in FINAL_NAMES,) * 2
    assert (status.is_available_for_run(), definition.available_for_run) == (status.name in AVAILABLE_NAMES,) * 2
    assert (status.is_owned(), definition.requires_ownership) == (status.name in OWNED_NAMES,) * 2
    assert definition.releases_ownership == (status.name not in OWNED_NAMES)
    assert definition.acquires_ownership == (status is S.PENDING)
    assert definition.overrides_ownership == (status.name in RECOVERY_NAMES)


@pytest.mark.parametrize("current", FROM)
def test_every_pair_is_an_edge_or_is_not(current):
    for target in S:
        allowed = (_name(current), target.name) in EDGES
        assert (target in get_status_definition(current).allowed_transitions) == allowed
        if current is not None:
            assert current.can_transition_to(target) == allowed
            assert (current in statuses_before(target)) == allowed
        if allowed:
            validate_transition(current, target)
        else:
            with pytest.raises(InvocationStatusTransitionError):
                validate_transition(current, target)


@pytest.mark.parametrize("current", FROM)
def test_every_transition_by_every_kind_of_actor(current):
    for target, actor in product(S, [OWNER, STRANGER, None, ""]):
        expected = _expected(current, target, actor)
        if isinstance(expected, type):
            with pytest.raises(expected):
                status_record_transition(_record(current), target, actor)
            continue
        before = datetime.now(UTC)
        after = status_record_transition(_record(current), target, actor)
        assert (after.status, after.runner_id) == (target, expected), (target, actor)
        assert before <= after.timestamp <= datetime.now(UTC)


def test_a_wrong_transition_is_told_before_a_wrong_owner():
    with pytest.raises(InvocationStatusTransitionError) as caught:
        status_record_transition(InvocationStatusRecord(S.PAUSED, OWNER), S.SUCCESS, STRANGER)
    assert caught.value.from_status is S.PAUSED
    assert caught.value.to_status is S.SUCCESS
    assert set(caught.value.allowed_statuses) == {S.RESUMED, S.KILLED, S.RUNNING_RECOVERY, S.CANCELLED}
    assert str(caught.value).startswith("Invalid transition from_status:paused to_status:success; allowed_statuses:[")


def test_the_error_for_a_stranger_names_both():
    with pytest.raises(InvocationStatusOwnershipError, match=f"requires ownership by {OWNER}") as caught:
        status_record_transition(InvocationStatusRecord(S.RUNNING, OWNER), S.SUCCESS, STRANGER)
    assert (caught.value.current_owner, caught.value.attempted_owner) == (OWNER, STRANGER)
    assert (caught.value.from_status, caught.value.to_status) == (S.RUNNING, S.SUCCESS)


def test_the_error_for_a_claim_by_nobody():
    with pytest.raises(InvocationStatusOwnershipError, match="requires a runner_id") as caught:
        status_record_transition(InvocationStatusRecord(S.REGISTERED), S.PENDING, "")
    assert caught.value.attempted_owner is None


def test_nothing_is_owned_before_there_is_a_record():
    validate_ownership(None, S.REGISTERED, None)
    assert compute_new_owner(None, S.PENDING, OWNER) == OWNER
    assert compute_new_owner(None, S.RUNNING, OWNER) is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"acquires_ownership": True, "releases_ownership": True}, "cannot both acquire and release"),
        (
            {"is_final": True, "allowed_transitions": frozenset({S.FAILED})},
            "Final statuses cannot have allowed transit",
        ),
        ({"overrides_ownership": True, "requires_ownership": True}, "cannot both override and require"),
    ],
)
def test_contradicting_definitions_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        StatusDefinition(**flags)


def test_a_table_must_be_complete():
    with pytest.raises(ValueError, match="Missing definitions for None, registered"):
        StatusConfiguration({status: StatusDefinition() for status in S if status is not S.REGISTERED})


def test_another_table_counts_at_once(monkeypatch):
    everything = {status: StatusDefinition() for status in FROM}
    monkeypatch.setattr(table, "_CONFIG", StatusConfiguration(everything))
    with pytest.raises(InvocationStatusTransitionError):
        validate_transition(None, S.REGISTERED)


@pytest.mark.parametrize("owner", [OWNER, None])
def test_a_record_survives_json(owner):
    record = InvocationStatusRecord(S.RUNNING, owner)
    assert InvocationStatusRecord.from_json(record.to_json()) == record


def test_a_record_without_a_zone_or_an_owner_is_read():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    data = {"status": "killed", "timestamp": "2026-01-02T03:04:05"}
    assert InvocationStatusRecord.from_json(data) == InvocationStatusRecord(S.KILLED, None, moment)
    elsewhere = moment.astimezone(timezone(timedelta(hours=2)))
    data = {"status": "killed", "timestamp": elsewhere.isoformat()}
    assert InvocationStatusRecord.from_json(data).timestamp == moment


@pytest.mark.parametrize(
    "names",
    [
        "",
        "registered pending running success",
        "registered pending running retry pending running failed",
        "registered concurrency_controlled rerouted concurrency_controlled rerouted pending running success",
        "registered concurrency_controlled_final",
        "registered pending rerouted pending running success",
        "registered pending pending_recovery rerouted pending running",
        "registered pending running running_recovery rerouted pending running",
        "registered pending running killed rerouted",
        "registered pending killed rerouted",
        "registered pending running paused resumed paused resumed success",
        "registered pending running paused killed rerouted",
        "registered pending running paused running_recovery failed",
        "registered pending running retry concurrency_controlled cancelled",
    ],
)
def test_life_cycles(names):
    check_history(S(name) for name in names.split())


@pytest.mark.parametrize("names", ["pending", "registered running", "registered pending running success rerouted"])
def test_histories_that_cannot_be(names):
    with pytest.raises(InvocationStatusTransitionError):
        check_history(S(name) for name in names.split())
