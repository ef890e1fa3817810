"""What holds for an invocation whatever is tried on it, by whom, and in which order."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pynenc.exceptions import InvocationStatusError
from pynenc.invocation.status import (
    AVAILABLE,
    FINAL,
    OWNED,
    InvocationStatus,
    InvocationStatusRecord,
    check_history,
    get_status_definition,
    status_record_transition,
)

S = InvocationStatus
RUNNERS = ["runner-1", "runner-2", "runner-3"]
RECOVERIES = {S.PENDING_RECOVERY, S.RUNNING_RECOVERY}


class Life(RuleBasedStateMachine):
    """One invocation; runners, strangers and nobody try any change, possible or not."""

    @initialize(actor=st.sampled_from([*RUNNERS, None]))
    def register(self, actor):
        self.history = [status_record_transition(None, S.REGISTERED, actor)]

    @property
    def record(self) -> InvocationStatusRecord:
        return self.history[-1]

    @rule(status=st.sampled_from(S), actor=st.sampled_from([*RUNNERS, None]))
    def try_anything(self, status, actor):
        self._try(status, actor)

    @rule(data=st.data())
    def go_on_as_the_owner(self, data):
        """Random targets are mostly impossible; this one follows an edge, so that lives get long."""
        targets = sorted(get_status_definition(self.record.status).allowed_transitions)
        if targets:
            target = data.draw(st.sampled_from(targets))
            actor = self.record.runner_id or data.draw(st.sampled_from(RUNNERS))
            assert self._try(target, actor)

    def _try(self, target, actor):
        before = self.record
        try:
            after = status_record_transition(before, target, actor)
        except InvocationStatusError:
            assert self.record is before
            return False
        assert before.status not in FINAL
        if before.status in OWNED and target not in RECOVERIES:
            assert actor == before.runner_id
        if after.runner_id is not None:
            assert after.runner_id == (actor if target is S.PENDING else before.runner_id)
        self.history.append(after)
        return True

    @invariant()
    def it_has_an_owner_exactly_while_a_runner_must_keep_it(self):
        assert (self.record.runner_id is not None) == (self.record.status in OWNED)

    @invariant()
    def its_history_is_a_walk_through_the_table(self):
        check_history(record.status for record in self.history)

    @invariant()
    def only_the_last_status_is_final(self):
        assert not any(record.status in FINAL for record in self.history[:-1])

    @invariant()
    def ownership_passes_through_a_claim(self):
        """Two neighbours with different owners: the second has just been claimed."""
        for earlier, later in zip(self.history, self.history[1:], strict=False):
            if later.runner_id not in (None, earlier.runner_id):
                assert later.status is S.PENDING


TestLife = Life.TestCase


def _reachable(status, without=frozenset()):
    seen, todo = set(), [status]
    while todo:
        for target in get_status_definition(todo.pop()).allowed_transitions - without - seen:
            seen.add(target)
            todo.append(target)
    return seen


def test_every_status_can_be_reached():
    assert _reachable(None) == set(S)


@given(st.sampled_from([status for status in S if status not in FINAL]))
def test_from_every_unfinished_status_an_invocation_can_still_succeed_and_still_be_run_by_another(status):
    beyond = _reachable(status)
    assert S.SUCCESS in beyond
    assert status in AVAILABLE or beyond & AVAILABLE


@given(st.sampled_from(sorted(OWNED)))
def test_nothing_owned_is_stuck_when_its_owner_is_gone(status):
    """Without the owner there is a recovery, and from there a way on that needs no owner either."""
    current = InvocationStatusRecord(status, RUNNERS[0])
    [recovery] = get_status_definition(status).allowed_transitions & RECOVERIES
    taken = status_record_transition(current, recovery, RUNNERS[1])
    assert status_record_transition(taken, S.REROUTED, None).status in AVAILABLE


@given(st.sampled_from([status for status in S if status not in FINAL]))
def test_everything_unfinished_can_be_cancelled_by_its_owner(status):
    owner = RUNNERS[0] if status in OWNED else None
    assert status_record_transition(InvocationStatusRecord(status, owner), S.CANCELLED, owner).runner_id is None
