"""The duties of a state backend."""

import json

import pytest

from pynenc.ports import StateBackend
from pynenc.testing.conformance.kit import NOW, ODD_TEXTS, OWNER, Conformance, call, ids, outcome
from pynenc.testing.conformance.races import race

#: What nobody should send and somebody will: a megabyte, not all of it ASCII.
BIG_TEXT = json.dumps("naïve " * 150_000, ensure_ascii=False)


class CallStoreConformance(Conformance):
    """Everything a store of arguments and outcomes owes."""

    def test_arguments_are_kept(self, state: StateBackend) -> None:
        state.save_calls([call("a", arguments='{"x": "1"}'), call("b", arguments="{}")])
        assert state.load_calls(["a", "b", "unknown"]) == {"a": '{"x": "1"}', "b": "{}"}
        assert state.load_calls([]) == {}

    def test_the_same_id_again_is_ignored(self, state: StateBackend) -> None:
        state.save_calls([call("inv", arguments="first"), call("inv", arguments="second")])
        state.save_calls([call("inv", arguments="third")])
        assert state.load_calls(["inv"]) == {"inv": "first"}

    @pytest.mark.parametrize("text", [*ODD_TEXTS, "", BIG_TEXT], ids=lambda text: text[:20])
    def test_texts_come_back_as_they_were(self, state: StateBackend, text: str) -> None:
        key = text[:100]
        state.save_calls([call(key, arguments=text)])
        kept = outcome(key, result=text, error_type=key, error_message=text, traceback=text)
        state.put_outcomes([kept])
        assert state.load_calls([key]) == {key: text}
        assert state.outcomes([(key, 1)]) == {(key, 1): kept}

    def test_outcomes_are_kept_by_attempt(self, state: StateBackend) -> None:
        failure = outcome(
            "a",
            1,
            result=None,
            error='{"type": "ValueError"}',
            error_type="builtins.ValueError",
            error_message="no",
            traceback="Traceback ...",
        )
        success = outcome("a", 2, runner_id=OWNER, started_at=NOW + 2, finished_at=NOW + 2.5)
        other = outcome("b", 2)
        state.put_outcomes([success, failure, other])
        assert state.outcomes([("a", 1), ("b", 2), ("b", 1)]) == {("a", 1): failure, ("b", 2): other}
        assert state.attempts("a") == [failure, success]
        assert state.outcomes([]) == {}
        assert state.attempts("unknown") == []

    def test_attempts_come_in_order(self, state: StateBackend) -> None:
        for attempt in (11, 2, 1, 10):
            state.put_outcomes([outcome("inv", attempt)])
        assert [each.attempt for each in state.attempts("inv")] == [1, 2, 10, 11]

    def test_the_same_attempt_again_replaces(self, state: StateBackend) -> None:
        state.put_outcomes([outcome("inv", result="1"), outcome("inv", result="2")])
        last = outcome("inv", result=None, error="failed")
        state.put_outcomes([last])
        assert state.attempts("inv") == [last]

    def test_dropping_leaves_nothing_of_it(self, state: StateBackend) -> None:
        state.save_calls([call("dropped"), call("kept")])
        state.put_outcomes([outcome("dropped", 1), outcome("dropped", 2), outcome("kept")])
        state.drop_calls(["dropped", "unknown"])
        assert state.load_calls(["dropped", "kept"]).keys() == {"kept"}
        assert state.outcomes([("dropped", 1), ("dropped", 2), ("kept", 1)]).keys() == {("kept", 1)}
        assert state.attempts("dropped") == []

    def test_the_last_success_of_equal_calls_is_remembered(self, state: StateBackend) -> None:
        assert state.cached_result("task", "args") is None
        for invocation_id in ("a", "b", "b"):
            state.cache_result("task", "args", invocation_id)
            assert state.cached_result("task", "args") == invocation_id
        state.cache_result("task", "other args", "c")
        state.cache_result("other task", "args", "d")
        assert state.cached_result("task", "args") == "b"
        assert state.cached_result("other task", "args") == "d"
        state.drop_calls(["a"])
        assert state.cached_result("task", "args") == "b"

    def test_purging_leaves_nothing(self, state: StateBackend) -> None:
        state.save_calls([call("inv")])
        state.put_outcomes([outcome("inv")])
        state.cache_result("task", "args", "inv")
        state.set_workflow_data("flow", {"a": "1"})
        state.publish("task", {"a": "{}"})
        state.purge()
        assert state.load_calls(["inv"]) == {}
        assert state.attempts("inv") == []
        assert state.cached_result("task", "args") is None
        assert state.get_workflow_data("flow") == state.published("task") == {}

    def test_threads_write_side_by_side(self, state: StateBackend) -> None:
        def save(number: int) -> None:
            for invocation_id in ids(25, f"of-{number}"):
                state.save_calls([call(invocation_id, arguments=invocation_id)])
                state.put_outcomes([outcome("shared", number + 1), outcome(invocation_id)])

        race(save)
        saved = [invocation_id for number in range(8) for invocation_id in ids(25, f"of-{number}")]
        assert state.load_calls(saved) == {invocation_id: invocation_id for invocation_id in saved}
        assert len(state.outcomes([(invocation_id, 1) for invocation_id in saved])) == len(saved)
        assert [each.attempt for each in state.attempts("shared")] == list(range(1, 9))


class WorkflowStoreConformance(Conformance):
    """Everything a store of workflow data owes."""

    def test_values_are_kept_by_workflow_and_key(self, state: StateBackend) -> None:
        state.set_workflow_data("flow", {"a": "1", "b": "2"})
        state.set_workflow_data("other", {"a": "3"})
        assert state.get_workflow_data("flow") == {"a": "1", "b": "2"}
        assert state.get_workflow_data("flow", ["b", "unknown"]) == {"b": "2"}
        assert state.get_workflow_data("flow", []) == state.get_workflow_data("unknown") == {}
        assert state.get_workflow_data("unknown", ["a"]) == {}

    def test_a_key_again_replaces_its_value_only(self, state: StateBackend) -> None:
        state.set_workflow_data("flow", {"a": "1", "b": "2"})
        state.set_workflow_data("flow", {"b": "3", "c": "4"})
        state.set_workflow_data("flow", {})
        assert state.get_workflow_data("flow") == {"a": "1", "b": "3", "c": "4"}

    @pytest.mark.parametrize("text", [*ODD_TEXTS, BIG_TEXT], ids=lambda text: text[:20])
    def test_texts_are_opaque(self, state: StateBackend, text: str) -> None:
        key = text[:100]
        state.set_workflow_data(key, {key: text})
        assert state.get_workflow_data(key) == state.get_workflow_data(key, [key]) == {key: text}


class RegistryConformance(Conformance):
    """Everything a registry owes."""

    def test_entries_are_published_by_kind_and_name(self, state: StateBackend) -> None:
        state.publish("task", {"app.tasks.add": "{}", "app.tasks.sub": '{"queue": "default"}'})
        state.publish("app", {"app": '{"tasks": 2}'})
        assert state.published("task") == {"app.tasks.add": "{}", "app.tasks.sub": '{"queue": "default"}'}
        assert state.published("app") == {"app": '{"tasks": 2}'}
        assert state.published("unknown") == {}

    def test_a_name_again_replaces_its_entry_only(self, state: StateBackend) -> None:
        state.publish("task", {"a": "1", "b": "2"})
        state.publish("task", {"b": "3"})
        assert state.published("task") == {"a": "1", "b": "3"}

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_texts_are_opaque(self, state: StateBackend, text: str) -> None:
        state.publish(text, {text: text})
        assert state.published(text) == {text: text}
