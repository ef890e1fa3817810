"""The options of a task, checked at its decorator."""

import warnings

import pytest

from pynenc.conf.config_task import ConcurrencyControlType
from pynenc.conf.task_options import validate_task_options
from pynenc.exceptions import InvalidTaskOptionsError

NAMES = ("a", "b")


def check(*, has_var_keyword=False, **options):
    return validate_task_options(options, NAMES, has_var_keyword, "m.f")


def refusal(**options) -> str:
    with pytest.raises(InvalidTaskOptionsError) as caught:
        check(**options)
    assert caught.value.task_id == "m.f"
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_what_was_given_comes_back_converted():
    given = check(
        max_retries="3", running_concurrency="Task", key_arguments="a", retry_for=ValueError, queue=None, priority=5
    )
    assert given == {
        "max_retries": 3,
        "running_concurrency": ConcurrencyControlType.TASK,
        "key_arguments": ("a",),
        "retry_for": (ValueError,),
        "priority": 5,
    }


def test_unknown_options():
    assert refusal(max_retrys=1) == (
        "InvalidTaskOptionsError(m.f): Invalid options: ['max_retrys']. Did you mean 'max_retries'?"
    )


@pytest.mark.parametrize("mode", ["running_concurrency", "registration_concurrency"])
def test_the_mode_keys_needs_key_arguments(mode):
    assert "key_arguments" in refusal(**{mode: "KEYS"})
    assert check(**{mode: "KEYS", "key_arguments": ["b"]})["key_arguments"] == ("b",)


def test_named_arguments_must_exist():
    assert refusal(key_arguments=("aa",)).endswith(
        "key_arguments names 'aa', which is no argument of the function; it has a, b. Did you mean 'a'?"
    )
    assert "disable_cache_args names 'c'" in refusal(disable_cache_args=("a", "c"))
    assert check(disable_cache_args=("*",)) == {"disable_cache_args": ("*",)}
    assert "'*'" in refusal(key_arguments=("*",))


def test_a_function_with_keyword_arguments_takes_any_name():
    assert check(has_var_keyword=True, key_arguments=("z",)) == {"key_arguments": ("z",)}


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": -1},
        {"parallel_batch_size": -1},
        {"retry_delay_seconds": -1},
        {"retry_jitter": 1.5},
        {"priority": 101},
        {"priority": -101},
        {"queue": ""},
        {"running_concurrency": "some"},
        {"retry_for": [int]},
        {"retry_delay_seconds": 700},
    ],
)
def test_values_out_of_range(options):
    assert next(iter(options)) in refusal(**options)


@pytest.mark.parametrize(
    ("flag", "mode"),
    [
        ({"reroute_on_concurrency_control": False}, "running_concurrency"),
        ({"reroute_on_concurrency_control": True}, "running_concurrency"),
        ({"on_diff_non_key_args_raise": True}, "registration_concurrency"),
    ],
)
def test_a_flag_without_its_mode_is_warned_of(flag, mode):
    with pytest.warns(UserWarning, match=f"Task m.f: {next(iter(flag))} has no effect without {mode}"):
        check(**flag)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(**{**flag, mode: "task"})
