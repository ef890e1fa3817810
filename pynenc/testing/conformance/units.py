"""The duties of a unit of work, and of the wall between applications."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pynenc.invocation.record import Transition, Wait
from pynenc.invocation.status import InvocationStatus
from pynenc.ports import Backend
from pynenc.ports.backend import repeated
from pynenc.testing.conformance.kit import (
    NOW,
    OWNER,
    PLACE,
    Conformance,
    asked_of,
    call,
    entry,
    outcome,
    register,
    register_in,
    runner,
)
from pynenc.testing.conformance.races import THREADS, race

S = InvocationStatus

#: How long a writer holds its unit open for a reader to look in. A product whose readers wait for it takes it all,
#: and another ends it with its first look.
LOOK_IN_SECONDS = 0.05


class UnitConformance(Conformance):
    """Everything a unit of work owes."""

    def test_it_says_whether_it_is_one_product(self, components: Backend) -> None:
        assert components.capabilities.one_product is self.one_product

    def test_what_is_written_in_a_unit_is_read_in_it(self, components: Backend) -> None:
        with components.unit():
            register(components.orchestrator, "inv")
            components.state.save_calls([call("inv")])
            components.broker.push([entry("inv")])
            [record] = components.orchestrator.claim(["inv"], OWNER, NOW)
            assert components.orchestrator.read(["inv"]) == {"inv": record}
            assert components.state.load_calls(["inv"]).keys() == {"inv"}
            assert components.broker.pop([PLACE], 1) == [entry("inv")]

    def test_a_unit_inside_a_unit_is_part_of_it(self, components: Backend) -> None:
        with components.unit():
            with components.unit():
                register(components.orchestrator, "a")
            register(components.orchestrator, "b")
        assert components.orchestrator.read(["a", "b"]).keys() == {"a", "b"}

    def test_what_was_written_is_seen_by_others(self, components: Backend, second_view: Backend) -> None:
        register(components.orchestrator, "alone")
        assert second_view.orchestrator.read(["alone"]).keys() == {"alone"}
        with components.unit():
            register(components.orchestrator, "in a unit")
        assert second_view.orchestrator.read(["in a unit"]).keys() == {"in a unit"}

    def test_a_ledger_shows_a_unit_as_a_whole(self, components: Backend, second_view: Backend) -> None:
        ledger, reader = components.orchestrator, second_view.orchestrator
        self._write_under_observation(
            components,
            first=lambda name: register(ledger, name),
            then=lambda name: ledger.add_waits([Wait(name, "other", None)]),
            first_seen=lambda name: name in reader.read([name]),
            then_seen=lambda name: bool(reader.awaited_by([name])),
        )

    @asked_of("one_product")
    def test_one_product_shows_a_unit_as_a_whole(self, components: Backend, second_view: Backend) -> None:
        self._write_under_observation(
            components,
            first=lambda name: components.state.save_calls([call(name)]),
            then=lambda name: register(components.orchestrator, name),
            first_seen=lambda name: bool(second_view.state.load_calls([name])),
            then_seen=lambda name: name in second_view.orchestrator.read([name]),
        )

    @staticmethod
    def _write_under_observation(
        components: Backend,
        *,
        first: Callable[[str], None],
        then: Callable[[str], None],
        first_seen: Callable[[str], bool],
        then_seen: Callable[[str], bool],
    ) -> None:
        """Write two things in one unit while a reader looks: who sees the first of them must see the second."""
        looked = threading.Event()
        done = threading.Event()

        def look(name: str) -> bool:
            while not done.is_set():
                if first_seen(name):
                    return then_seen(name)
                looked.set()
            return first_seen(name) and then_seen(name)

        with ThreadPoolExecutor(1) as pool:
            for name in ("a", "b", "c"):
                done.clear()
                looked.clear()
                reader = pool.submit(look, name)
                with components.unit():
                    first(name)
                    looked.clear()
                    looked.wait(LOOK_IN_SECONDS)
                    then(name)
                done.set()
                assert reader.result()

    @asked_of("transactional")
    def test_an_exception_undoes_the_unit(self, components: Backend, second_view: Backend) -> None:
        kept = register_in(components.orchestrator, "kept", S.RUNNING)

        def write_and_fail() -> None:
            with components.unit():
                with components.unit():
                    register(components.orchestrator, "undone")
                    components.orchestrator.transition([Transition("kept", S.SUCCESS, OWNER, 1)], NOW)
                components.state.put_outcomes([outcome("kept")])
                components.broker.push([entry("undone")])
                components.orchestrator.save_runners([runner()])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write_and_fail()
        for view in (components, second_view):
            assert view.orchestrator.read(["kept", "undone"]) == {"kept": kept}
            assert [change.status for change in view.orchestrator.history(["kept"])] == [
                S.REGISTERED,
                S.PENDING,
                S.RUNNING,
            ]
            assert view.state.attempts("kept") == []
            assert view.broker.peek("default", 5) == []
            assert view.orchestrator.runners() == []

    def test_a_store_goes_on_after_an_exception(self, components: Backend) -> None:
        with pytest.raises(ZeroDivisionError), components.unit():
            raise ZeroDivisionError
        with components.unit():
            register(components.orchestrator, "inv")
        assert race(lambda _: len(components.orchestrator.read(["inv"]))) == [1] * THREADS

    def test_units_wait_for_each_other_or_begin_again(self, components: Backend) -> None:
        state = components.state
        state.set_workflow_data("flow", {"count": "0"})

        @repeated
        def count_one() -> None:
            with components.unit():
                before = int(state.get_workflow_data("flow")["count"])
                state.set_workflow_data("flow", {"count": str(before + 1)})

        def count(_: int) -> None:
            for _ in range(10):
                count_one()

        race(count)
        assert state.get_workflow_data("flow") == {"count": str(10 * THREADS)}

    def test_closing_may_be_repeated(self, components: Backend) -> None:
        register(components.orchestrator, "inv")
        components.close()
        components.close()


class IsolationConformance(Conformance):
    """Two applications in one store know nothing of each other."""

    def test_equal_ids_are_different_invocations(self, components: Backend, other_app_components: Backend) -> None:
        for view, status in ((components, S.RUNNING), (other_app_components, S.SUCCESS)):
            register_in(view.orchestrator, "inv", status, registration_key="key", running_key="scope")
            view.orchestrator.add_waits([Wait("waiter", "inv", status)])
            view.state.save_calls([call("inv", arguments=status)])
            view.state.put_outcomes([outcome("inv", result=status)])
        for view, status in ((components, S.RUNNING), (other_app_components, S.SUCCESS)):
            assert view.orchestrator.read(["inv"])["inv"].status is status
            assert view.orchestrator.history(["inv"])[-1].status is status
            assert view.orchestrator.waiting_for(["inv"]) == [Wait("waiter", "inv", status)]
            assert view.state.load_calls(["inv"]) == {"inv": status}
            assert view.state.attempts("inv") == [outcome("inv", result=status)]

    def test_listings_show_one_application(self, components: Backend, other_app_components: Backend) -> None:
        register_in(components.orchestrator, "mine", S.RUNNING, running_key="scope", not_before=NOW)
        components.orchestrator.save_runners([runner()])
        components.orchestrator.hold_duty("recover", "a", NOW, NOW + 9)
        ledger = other_app_components.orchestrator
        assert ledger.last_change() == 0
        assert ledger.changes(0, 9) == []
        assert ledger.scope("scope", 9) == ledger.orphans(NOW + 9, 9) == []
        assert ledger.runners() == []
        assert ledger.hold_duty("recover", "b", NOW, NOW + 9)
        components.orchestrator.transition([Transition("mine", S.SUCCESS, OWNER, 1)], NOW)
        assert ledger.expired(NOW + 9, 9) == []

    def test_queues_are_their_own(self, components: Backend, other_app_components: Backend) -> None:
        components.broker.push([entry("inv")])
        other = other_app_components.broker
        assert other.pop([PLACE], 5) == other.pop([], 5) == other.peek("default", 5) == []
        assert not any(other.sizes().values())
        other.push([entry("inv")])
        other.purge()
        assert components.broker.pop([PLACE], 5) == [entry("inv")]

    def test_client_data_is_their_own(self, components: Backend, other_app_components: Backend) -> None:
        for view in (components, other_app_components):
            view.client_data.put({"key": "text"}, NOW)
        components.client_data.link([("key", "inv")])
        assert other_app_components.client_data.collect(NOW + 1, 5) == 1
        assert components.client_data.get(["key"]) == {"key": "text"}
        assert other_app_components.client_data.get(["key"]) == {}

    def test_purging_one_leaves_the_other(self, components: Backend, other_app_components: Backend) -> None:
        for view in (components, other_app_components):
            register_in(view.orchestrator, "inv", S.RUNNING)
            view.orchestrator.save_runners([runner()])
            view.state.save_calls([call("inv")])
            view.state.set_workflow_data("flow", {"a": "1"})
            view.client_data.put({"key": "text"}, NOW)
            view.broker.push([entry("inv")])
        for component in ("orchestrator", "broker", "state", "client_data", "trigger"):
            getattr(components, component).purge()
        assert components.orchestrator.read(["inv"]) == {}
        assert components.state.load_calls(["inv"]) == {}
        assert other_app_components.orchestrator.read(["inv"])["inv"].status is S.RUNNING
        history = other_app_components.orchestrator.history(["inv"])
        assert [change.status for change in history] == [S.REGISTERED, S.PENDING, S.RUNNING]
        assert other_app_components.orchestrator.runners() == [runner()]
        assert other_app_components.state.load_calls(["inv"]).keys() == {"inv"}
        assert other_app_components.state.get_workflow_data("flow") == {"a": "1"}
        assert other_app_components.client_data.get(["key"]) == {"key": "text"}
        assert other_app_components.broker.pop([PLACE], 5) == [entry("inv")]
