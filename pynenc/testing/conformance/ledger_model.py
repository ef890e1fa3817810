"""A ledger against a model: random deeds of random actors, and the pure status table as the judge."""

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]  # Hypothesis leaves its factory untyped.
)

from pynenc.exceptions import InvocationStatusError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import Transition
from pynenc.invocation.status import (
    AVAILABLE,
    FINAL,
    UNSTARTED,
    InvocationStatus,
    InvocationStatusRecord,
    check_history,
    status_record_transition,
)
from pynenc.ports import Orchestrator
from pynenc.ports.orchestrator import Existing
from pynenc.testing.conformance.kit import CLIENT, NOW, Conformance, call

S = InvocationStatus

IDS = ("inv-1", "inv-2")
ACTORS = ("runner-1", "runner-2")
KEYS = (None, "key")

#: What leads to a long life comes first.
ONWARD = sorted(S, key=lambda status: (status.is_final(), not status.is_owned()))


@dataclass(slots=True)
class Expected:
    """What the model knows of one invocation."""

    current: InvocationStatusRecord
    registration_key: str | None
    attempt: int = 0
    retries: int = 0
    recoveries: int = 0
    #: (status, actor, owner, attempt) of every write.
    history: list[tuple[S, str, str | None, int]] = field(default_factory=list[tuple[S, str, str | None, int]])
    changed_at: float = 0.0

    def follow(self, decided: InvocationStatusRecord, actor: str) -> None:
        """Take over what the table decided."""
        self.current = decided
        self.attempt += decided.status is S.PENDING
        self.history.append((decided.status, actor, decided.runner_id, self.attempt))


class LedgerMachine(RuleBasedStateMachine):
    """Does the same to a ledger and to the model, and compares them after every step."""

    #: Set by the suite; the machine is made by Hypothesis, once for each example.
    ledger: ClassVar[Orchestrator]

    def __init__(self) -> None:
        super().__init__()
        self.ledger.purge()
        self.expected: dict[str, Expected] = {}
        #: A clock that goes on, stands still, and goes back.
        self.clock = cycle((NOW, NOW + 1, NOW + 1, NOW - 1))

    @initialize(keys=st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)))
    def register_all(self, keys: tuple[str | None, str | None]) -> None:
        """Begin with something to do."""
        for invocation_id, key in zip(IDS, keys, strict=True):
            self.register(invocation_id, key)

    @rule(invocation_id=st.sampled_from(IDS), key=st.sampled_from(KEYS))
    def register(self, invocation_id: str, key: str | None) -> None:
        """Register one, perhaps again, perhaps where another holds its key."""
        holders = [
            each
            for each, other in sorted(self.expected.items())
            if key is not None and other.registration_key == key and other.current.status in UNSTARTED
        ]
        [answer] = self.ledger.register([call(invocation_id, registration_key=key)], next(self.clock))
        if invocation_id in self.expected:
            assert answer is None
        elif holders:
            assert answer is not None
            assert answer in [Existing(holder, "args-1") for holder in holders]
        else:
            assert answer is None
            first = InvocationStatusRecord(S.REGISTERED)
            expected = self.expected[invocation_id] = Expected(first, key)
            expected.follow(first, CLIENT)

    @rule(invocation_ids=st.lists(st.sampled_from(IDS), max_size=4), actor=st.sampled_from(ACTORS))
    def claim(self, invocation_ids: list[str], actor: str) -> None:
        """Claim some of them."""
        records = self.ledger.claim(invocation_ids, actor, next(self.clock))
        available = [
            each
            for each in dict.fromkeys(invocation_ids)
            if each in self.expected and self.expected[each].current.status in AVAILABLE
        ]
        assert [record.invocation_id for record in records] == available
        for invocation_id in available:
            expected = self.expected[invocation_id]
            expected.follow(status_record_transition(expected.current, S.PENDING, actor), actor)

    @rule(
        invocation_id=st.sampled_from(IDS),
        turns=st.lists(st.integers(0, 9), min_size=3, max_size=8),
        attempts_ago=st.sampled_from((None, 0)),
        counts=st.sampled_from(((0, 0), (1, 0), (0, 1))),
    )
    def go_on(self, invocation_id: str, turns: list[int], attempts_ago: int | None, counts: tuple[int, int]) -> None:
        """Ask for changes that the table has, as the one who may make them; half of the time straight on."""
        for turn in turns if invocation_id in self.expected else ():
            current = self.expected[invocation_id].current
            targets = [to for to in ONWARD if current.status.can_transition_to(to)]
            if targets:
                actor = current.runner_id or ACTORS[turn % len(ACTORS)]
                to = targets[turn % len(targets) if turn % 2 else 0]
                assert self._ask(invocation_id, to, actor, attempts_ago, counts)

    @rule(
        invocation_id=st.sampled_from(IDS),
        to=st.sampled_from(S),
        actor=st.sampled_from(ACTORS),
        attempts_ago=st.sampled_from((None, 0, 1, -1)),
    )
    def try_anything(self, invocation_id: str, to: S, actor: str, attempts_ago: int | None) -> None:
        """Ask for any change, by anybody, for any attempt."""
        self._ask(invocation_id, to, actor, attempts_ago, (0, 0))

    def _ask(self, invocation_id: str, to: S, actor: str, attempts_ago: int | None, counts: tuple[int, int]) -> bool:
        """Ask the ledger and the table for the same; whether they allowed it."""
        expected = self.expected.get(invocation_id)
        attempt = None if attempts_ago is None else (expected.attempt if expected else 0) - attempts_ago
        [record] = self.ledger.transition(
            [Transition(invocation_id, to, actor, attempt, None, *counts)], next(self.clock)
        )
        decided = None
        if expected is not None and attempt in (None, expected.attempt):
            with suppress(InvocationStatusError):
                decided = status_record_transition(expected.current, to, actor)
        assert (record is None) == (decided is None)
        if expected is None or decided is None:
            return False
        expected.follow(decided, actor)
        expected.retries += counts[0]
        expected.recoveries += counts[1]
        return True

    @precondition(lambda self: any(expected.current.status in FINAL for expected in self.expected.values()))
    @rule()
    def drop(self) -> None:
        """Forget what is final."""
        final = [each for each, expected in self.expected.items() if expected.current.status in FINAL]
        self.ledger.drop(final)
        for invocation_id in final:
            del self.expected[invocation_id]

    @invariant()
    def the_ledger_agrees_with_the_model(self) -> None:
        """Records, histories and the listings derived from them."""
        records = self.ledger.read(IDS)
        assert records.keys() == self.expected.keys()
        for invocation_id, expected in self.expected.items():
            record = records[invocation_id]
            assert (record.status, record.owner) == (expected.current.status, expected.current.runner_id)
            assert (record.attempt, record.retries, record.recoveries) == (
                expected.attempt,
                expected.retries,
                expected.recoveries,
            )
            history = self.ledger.history([invocation_id])
            assert [entry[2:6] for entry in history] == expected.history
            check_history(entry.status for entry in history)
            times = [entry.timestamp for entry in history]
            assert times == sorted(set(times))
            assert times[-1] == record.changed_at
        statuses = sorted(expected.current.status for expected in self.expected.values())
        counts = self.ledger.count_by(["status"], InvocationQuery())
        assert sorted(status for (status,), count in counts.items() for _ in range(count)) == statuses
        assert [record.invocation_id for record in self.ledger.find(InvocationQuery(newest_first=False))] == sorted(
            records
        )


class LedgerModelConformance(Conformance):
    """A ledger decides every transition as the pure status table does."""

    #: How much to try: the same examples in every run, so that a run that fails fails again.
    machine_settings: ClassVar[settings] = settings(
        max_examples=40,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        deadline=None,
        # A store on a disk is slow beside what Hypothesis is used to.
        suppress_health_check=(HealthCheck.too_slow,),
    )

    def test_random_deeds_end_as_the_table_decides(self, ledger: Orchestrator) -> None:
        machine = type("Machine", (LedgerMachine,), {"ledger": ledger})
        run_state_machine_as_test(machine, settings=self.machine_settings)
