"""The duties of ``StatusLedger.claim``."""

from collections import Counter
from collections.abc import Callable

import pytest

from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import AVAILABLE, InvocationStatus
from pynenc.ports import Backend, Orchestrator
from pynenc.testing.conformance.kit import NOW, OWNER, STRANGER, Conformance, asked_of, ids, move, register, register_in
from pynenc.testing.conformance.races import claim_race_between_processes, race, shuffled


def claimed(ledger: Orchestrator, *invocation_ids: str, owner: str = OWNER, now: float = NOW) -> list[str]:
    """The ids that ``owner`` gets."""
    return [record.invocation_id for record in ledger.claim(invocation_ids, owner, now)]


class ClaimDuties(Conformance):
    """Taking invocations into PENDING."""

    def test_a_claim_gives_an_owner_and_an_attempt(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        before = ledger.read(["inv"])["inv"]
        [record] = ledger.claim(["inv"], OWNER, NOW + 5)
        assert record == before._replace(
            status=InvocationStatus.PENDING, owner=OWNER, attempt=1, changed_at=NOW + 5, claimed_at=NOW + 5
        )
        assert ledger.read(["inv"]) == {"inv": record}

    def test_a_claim_is_history(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        ledger.claim(["inv"], OWNER, NOW + 5)
        assert ledger.history(["inv"])[-1][1:] == ("inv", InvocationStatus.PENDING, OWNER, OWNER, 1, NOW + 5)

    def test_claims_are_answered_in_the_order_asked_for(self, ledger: Orchestrator) -> None:
        register(ledger, *ids(5))
        order = [ids(5)[place] for place in (3, 0, 4, 2, 1)]
        assert claimed(ledger, *order) == order

    def test_a_repeated_id_is_claimed_once(self, ledger: Orchestrator) -> None:
        register(ledger, "a", "b")
        assert claimed(ledger, "a", "b", "a") == ["a", "b"]
        assert ledger.read(["a"])["a"].attempt == 1

    def test_nothing_and_unknown_ids_are_no_error(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        assert claimed(ledger) == []
        assert claimed(ledger, "unknown", "inv") == ["inv"]

    @pytest.mark.parametrize("status", InvocationStatus)
    def test_only_what_is_available_is_claimed(self, ledger: Orchestrator, status: InvocationStatus) -> None:
        before = register_in(ledger, "inv", status)
        written = len(ledger.history(["inv"]))
        assert claimed(ledger, "inv", owner=STRANGER) == (["inv"] if status in AVAILABLE else [])
        after = ledger.read(["inv"])["inv"]
        if status in AVAILABLE:
            assert (after.status, after.owner) == (InvocationStatus.PENDING, STRANGER)
            assert after.attempt == before.attempt + 1
        else:
            assert after == before
            assert len(ledger.history(["inv"])) == written

    def test_what_has_a_running_scope_is_left_to_the_engine(self, ledger: Orchestrator) -> None:
        register(ledger, "scoped", running_key="scope")
        assert claimed(ledger, "scoped") == []
        assert ledger.read(["scoped"])["scoped"].status is InvocationStatus.REGISTERED

    def test_what_is_not_due_is_left_alone(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", not_before=NOW + 10)
        assert claimed(ledger, "inv", now=NOW + 9.9) == []
        assert claimed(ledger, "inv", now=NOW + 10) == ["inv"]
        assert ledger.read(["inv"])["inv"].not_before is None
        assert ledger.next_due() is None

    def test_every_claim_has_an_attempt_of_its_own(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        for attempt in range(1, 5):
            [record] = ledger.claim(["inv"], OWNER, NOW)
            assert record.attempt == attempt
            move(ledger, "inv", InvocationStatus.REROUTED)

    def test_the_time_of_the_claim_stays_with_the_attempt(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        ledger.claim(["inv"], OWNER, NOW + 1)
        assert move(ledger, "inv", InvocationStatus.RUNNING, now=NOW + 2).claimed_at == NOW + 1
        move(ledger, "inv", InvocationStatus.RETRY, now=NOW + 3)
        [again] = ledger.claim(["inv"], STRANGER, NOW + 4)
        assert again.claimed_at == NOW + 4

    def test_a_wish_to_cancel_outlives_the_attempt(self, ledger: Orchestrator) -> None:
        register_in(ledger, "inv", InvocationStatus.RUNNING)
        ledger.request_cancel(["inv"])
        move(ledger, "inv", InvocationStatus.KILLED, InvocationStatus.REROUTED)
        [again] = ledger.claim(["inv"], STRANGER, NOW)
        assert again.cancel_requested

    def test_of_racing_threads_one_gets_an_invocation(self, ledger: Orchestrator) -> None:
        raced = ids(100)
        register(ledger, *raced)

        def claim_all(number: int) -> list[InvocationRecord]:
            order = shuffled(raced, number)
            return [record for each in order for record in ledger.claim([each], f"runner-{number}", NOW)]

        won = [record for records in race(claim_all) for record in records]
        assert sorted(record.invocation_id for record in won) == raced
        assert ledger.read(raced) == {record.invocation_id: record for record in won}
        assert {record.attempt for record in won} == {1}

    def test_racing_threads_never_share_an_attempt(self, ledger: Orchestrator) -> None:
        raced = ids(3)
        register(ledger, *raced)

        def claim_and_give_back(number: int) -> list[tuple[str, int]]:
            mine: list[tuple[str, int]] = []
            for _ in range(20):
                for record in ledger.claim(shuffled(raced, number), f"runner-{number}", NOW):
                    mine.append((record.invocation_id, record.attempt))
                    move(ledger, record.invocation_id, InvocationStatus.REROUTED, actor=f"runner-{number}")
            return mine

        won = Counter(each for mine in race(claim_and_give_back) for each in mine)
        attempts = {each: record.attempt for each, record in ledger.read(raced).items()}
        assert won == Counter((each, attempt) for each, last in attempts.items() for attempt in range(1, last + 1))

    @asked_of("processes_share")
    def test_of_racing_processes_one_gets_an_invocation(
        self, request: pytest.FixtureRequest, components: Backend
    ) -> None:
        open_elsewhere: Callable[[], Backend] = request.getfixturevalue("open_elsewhere")
        raced = ids(200)
        register(components.orchestrator, *raced)
        won = claim_race_between_processes(open_elsewhere, raced, NOW)
        assert sorted(won) == [(each, 1) for each in raced]
