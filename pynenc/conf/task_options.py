"""Checking the options of a task when it is decorated, where the mistake was made."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from pynenc.conf.config_task import ConcurrencyControlType, ConfigTask
from pynenc.conf.problems import did_you_mean, explain
from pynenc.exceptions import InvalidTaskOptionsError

#: In ``disable_cache_args``: all arguments.
EVERY_ARGUMENT = "*"


def validate_task_options(
    options: Mapping[str, object],
    parameter_names: Collection[str],
    has_var_keyword: bool,  # a fact about the signature, next to the names that it completes
    task_label: object,
) -> dict[str, Any]:
    """Give back the options that were given (not None), converted to the types of ``ConfigTask``.

    ``parameter_names`` are those of the function's signature; with ``has_var_keyword`` it takes others as well.
    Warns of a flag that has no effect without the concurrency mode it belongs to.

    Raises:
        InvalidTaskOptionsError: an option is unknown, has a wrong value, contradicts another, or names an argument
            that the function does not have.
    """
    given = {name: value for name, value in options.items() if value is not None}
    unknown = [name for name in given if name not in ConfigTask.model_fields]
    if unknown:
        raise InvalidTaskOptionsError(
            task_label, f"Invalid options: {unknown}.{did_you_mean(unknown[0], ConfigTask.model_fields)}"
        )
    try:
        config = ConfigTask.model_validate(given)
    except ValidationError as error:
        origins = dict.fromkeys(given, "decorator")
        raise InvalidTaskOptionsError(task_label, explain(ConfigTask, error, origins, "decorator")) from None
    if not has_var_keyword:
        _refuse_unknown_arguments("key_arguments", config.key_arguments, parameter_names, task_label)
        cache_args = [name for name in config.disable_cache_args if name != EVERY_ARGUMENT]
        _refuse_unknown_arguments("disable_cache_args", cache_args, parameter_names, task_label)
    _warn_of_idle_flags(config, given, task_label)
    return {name: cast("object", getattr(config, name)) for name in given}


def _refuse_unknown_arguments(
    option: str, named: Sequence[str], parameter_names: Collection[str], task_label: object
) -> None:
    for name in named:
        if name not in parameter_names:
            has = f"it has {', '.join(parameter_names)}" if parameter_names else "it has none"
            raise InvalidTaskOptionsError(
                task_label,
                f"{option} names {name!r}, which is no argument of the function; {has}."
                f"{did_you_mean(name, parameter_names)}",
            )


def _warn_of_idle_flags(config: ConfigTask, given: Mapping[str, object], task_label: object) -> None:
    disabled = ConcurrencyControlType.DISABLED
    if "reroute_on_concurrency_control" in given and config.running_concurrency is disabled:
        _warn(task_label, "reroute_on_concurrency_control", "running_concurrency")
    if config.on_diff_non_key_args_raise and config.registration_concurrency is disabled:
        _warn(task_label, "on_diff_non_key_args_raise", "registration_concurrency")


def _warn(task_label: object, flag: str, mode: str) -> None:
    # Level 5 is the line of the decorator: this, the caller, validate_task_options, Task, app.task.
    warnings.warn(
        f"Task {task_label}: {flag} has no effect without {mode}. Set {mode}, or leave the flag out.",
        UserWarning,
        stacklevel=5,
    )
