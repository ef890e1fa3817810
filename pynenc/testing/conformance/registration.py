"""The duties of ``StatusLedger.register``."""

import pytest

from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord, NewInvocation
from pynenc.invocation.status import UNSTARTED, InvocationStatus
from pynenc.ports import Orchestrator
from pynenc.ports.orchestrator import Existing
from pynenc.testing.conformance.kit import (
    CLIENT,
    NOW,
    ODD_TEXTS,
    Conformance,
    call,
    ids,
    move,
    register,
    register_in,
    way_to,
)
from pynenc.testing.conformance.races import THREADS, race


class RegistrationDuties(Conformance):
    """New invocations, and the scope of registration concurrency."""

    def test_a_call_is_stored_as_registered(self, ledger: Orchestrator) -> None:
        new = NewInvocation(
            invocation_id="inv",
            task_id="app.tasks.send",
            args_id="args-7",
            arguments='{"to": "you"}',
            parent_id="parent",
            workflow_id="flow",
            workflow_type="app.tasks.flow",
            parent_workflow_id="outer",
            queue="mail",
            lane="event_loop",
            priority=-7,
            not_before=NOW + 60,
            registration_key="once",
            running_key="one at a time",
            drop_when_blocked=True,
            registered_by=CLIENT,
            reply_to="address-1",
        )
        assert ledger.register([new], NOW) == [None]
        fields = new._asdict()
        del fields["arguments"]
        assert ledger.read(["inv"]) == {
            "inv": InvocationRecord(
                **fields,
                registered_at=NOW,
                status=InvocationStatus.REGISTERED,
                owner=None,
                attempt=0,
                retries=0,
                recoveries=0,
                changed_at=NOW,
                claimed_at=None,
                cancel_requested=False,
            )
        }

    def test_what_is_read_has_the_types_of_the_record(self, ledger: Orchestrator) -> None:
        register(ledger, "inv", drop_when_blocked=True)
        record = ledger.read(["inv"])["inv"]
        assert type(record.status) is InvocationStatus
        assert type(record.drop_when_blocked) is type(record.cancel_requested) is bool
        assert type(record.registered_at) is type(record.changed_at) is float

    def test_registration_is_history(self, ledger: Orchestrator) -> None:
        register(ledger, "inv")
        [entry] = ledger.history(["inv"])
        assert entry[1:] == ("inv", InvocationStatus.REGISTERED, CLIENT, None, 0, NOW)

    def test_a_batch_is_answered_place_by_place(self, ledger: Orchestrator) -> None:
        register(ledger, "holder", registration_key="key")
        batch = [call("a"), call("b", registration_key="key"), call("c")]
        assert ledger.register(batch, NOW) == [None, Existing("holder", "args-1"), None]
        assert ledger.register([], NOW) == []
        assert ledger.read(["a", "b", "c", "unknown"]).keys() == {"a", "c"}

    def test_a_thousand_calls_at_once(self, ledger: Orchestrator) -> None:
        many = ids(1_000)
        register(ledger, *many)
        assert list(ledger.read(many)) == many

    def test_a_stored_id_is_left_as_it_is(self, ledger: Orchestrator) -> None:
        before = register_in(ledger, "inv", InvocationStatus.RUNNING)
        assert ledger.register([call("inv", args_id="other"), call("inv")], NOW + 1) == [None, None]
        assert ledger.read(["inv"]) == {"inv": before}
        assert [entry.status for entry in ledger.history(["inv"])] == [
            InvocationStatus.REGISTERED,
            InvocationStatus.PENDING,
            InvocationStatus.RUNNING,
        ]

    def test_an_id_that_repeats_in_a_batch_is_stored_once(self, ledger: Orchestrator) -> None:
        assert ledger.register([call("inv"), call("inv", args_id="other")], NOW) == [None, None]
        assert ledger.read(["inv"])["inv"].args_id == "args-1"
        assert len(ledger.history(["inv"])) == 1

    def test_a_key_admits_one_and_names_it_to_the_others(self, ledger: Orchestrator) -> None:
        assert ledger.register([call("a", args_id="args-a", registration_key="key")], NOW) == [None]
        refused = [call("b", args_id="args-b", registration_key="key")]
        assert ledger.register(refused, NOW + 1) == [Existing("a", "args-a")]
        assert ledger.register([call("c", registration_key="other")], NOW + 1) == [None]
        assert ledger.read(["b"]) == {}
        assert ledger.history(["b"]) == []

    def test_a_key_that_repeats_in_a_batch_admits_one(self, ledger: Orchestrator) -> None:
        batch = [call(each, registration_key="key") for each in ids(4)]
        first = Existing("inv-000000", "args-1")
        assert ledger.register(batch, NOW) == [None, first, first, first]

    def test_the_holder_of_a_key_is_not_in_its_own_way(self, ledger: Orchestrator) -> None:
        again = [call("inv", registration_key="key")]
        assert ledger.register(again, NOW) == ledger.register(again, NOW) == [None]

    @pytest.mark.parametrize("status", InvocationStatus)
    def test_a_key_is_held_until_its_holder_starts(self, ledger: Orchestrator, status: InvocationStatus) -> None:
        register_in(ledger, "holder", status, registration_key="key")
        expected = Existing("holder", "args-1") if status in UNSTARTED else None
        assert ledger.register([call("new", registration_key="key")], NOW) == [expected]

    def test_a_key_is_held_again_by_one_that_was_given_back(self, ledger: Orchestrator) -> None:
        register_in(ledger, "holder", InvocationStatus.RUNNING, registration_key="key")
        move(ledger, "holder", InvocationStatus.KILLED, InvocationStatus.REROUTED)
        assert ledger.register([call("new", registration_key="key")], NOW) == [Existing("holder", "args-1")]

    def test_a_dropped_invocation_holds_no_key(self, ledger: Orchestrator) -> None:
        register(ledger, "holder", registration_key="key")
        ledger.drop(["holder"])
        assert ledger.register([call("new", registration_key="key")], NOW) == [None]

    def test_of_threads_with_one_key_one_registers(self, ledger: Orchestrator) -> None:
        keys = ids(25, "key")

        def register_all(number: int) -> list[Existing | None]:
            return [
                answer
                for key in keys
                for answer in ledger.register([call(f"{key} of {number}", registration_key=key)], NOW)
            ]

        answers = race(register_all)
        stored = ledger.find(InvocationQuery(limit=THREADS * len(keys)))
        assert sorted(str(record.registration_key) for record in stored) == keys
        for key, of_key in zip(keys, zip(*answers, strict=True), strict=True):
            [winner] = [record.invocation_id for record in stored if record.registration_key == key]
            refused = [answer for answer in of_key if answer is not None]
            assert refused == [Existing(winner, "args-1")] * (THREADS - 1)

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_texts_are_opaque(self, ledger: Orchestrator, text: str) -> None:
        fields = {"task_id": text, "args_id": text, "parent_id": text, "queue": text, "reply_to": text}
        keys = {"registration_key": text, "running_key": text, "registered_by": text}
        register_in(ledger, text, InvocationStatus.PENDING, owner=text, **fields, **keys)
        record = ledger.read([text])[text]
        expected = call(text, **fields, **keys)._asdict() | {"owner": text}
        assert {name: expected[name] for name in expected if name != "arguments"}.items() <= record._asdict().items()
        assert ledger.register([call("other", registration_key=text)], NOW) == [Existing(text, text)]
        assert ledger.scope(text, 5) == ledger.find(InvocationQuery(task_id=text)) == [record]
        assert [entry.status for entry in ledger.history([text])] == [
            InvocationStatus.REGISTERED,
            *way_to(InvocationStatus.PENDING),
        ]
