"""Settings of tasks: the options of the decorator, which files and the environment can give too."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, cast

from pydantic import Field, WithJsonSchema, field_validator

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.text_values import split
from pynenc.exceptions import RetryError


class ConcurrencyControlType(StrEnum):
    """Which calls of a task exclude one another."""

    DISABLED = "disabled"
    TASK = "task"
    ARGUMENTS = "arguments"
    KEYS = "keys"


#: Exception classes, which a JSON schema (for editors) can only show as dotted names.
ExceptionTypes = Annotated[tuple[type[Exception], ...], WithJsonSchema({"type": "array", "items": {"type": "string"}})]


class ConfigTask(ConfigPynencBase):
    """What the decorator of a task can say; in files for all tasks or under the task's dotted name."""

    parallel_batch_size: int = Field(
        default=100, ge=0, description="Calls that parallelize submits in one step; 0: each call on its own."
    )
    retry_for: ExceptionTypes = Field(
        # Made anew only because a JSON schema cannot show classes as a default.
        default_factory=lambda: (RetryError,),
        description="Exceptions after which the task is run again, as classes or dotted names.",
    )
    max_retries: int = Field(default=0, ge=0, description="Times the task is run again after such an exception.")
    retry_delay_seconds: float = Field(default=0, ge=0, description="Seconds between a failure and the next attempt.")
    retry_backoff: bool = Field(default=False, description="Double the delay after each failed attempt.")
    retry_max_delay_seconds: float = Field(
        default=600, ge=0, description="Longest delay before an attempt, in seconds, however often it doubled."
    )
    retry_jitter: float = Field(
        default=0.0, ge=0, le=1, description="Share of the delay that is random, from 0 to 1, to spread attempts."
    )
    running_concurrency: ConcurrencyControlType = Field(
        default=ConcurrencyControlType.DISABLED, description="Which calls do not run at the same time."
    )
    registration_concurrency: ConcurrencyControlType = Field(
        default=ConcurrencyControlType.DISABLED, description="Which calls do not wait at the same time."
    )
    key_arguments: tuple[str, ...] = Field(
        default=(), description="Names of the arguments that make up the key in mode 'keys'."
    )
    on_diff_non_key_args_raise: bool = Field(
        default=False, description="Raise when a waiting call is reused although other arguments differ."
    )
    reroute_on_concurrency_control: bool = Field(
        default=True, description="Let a blocked invocation wait for its turn; False drops it."
    )
    call_result_cache: bool = Field(
        default=False, description="Reuse the latest result of a call with the same arguments."
    )
    disable_cache_args: tuple[str, ...] = Field(
        default=(), description="Names of arguments that never go to the client data store; '*': all of them."
    )
    force_new_workflow: bool = Field(default=False, description="Start a workflow of its own with every call.")
    queue: str = Field(default="default", min_length=1, description="Queue that the task's invocations wait in.")
    priority: int = Field(default=0, ge=-100, le=100, description="Place in the queue from -100 (last) to 100 (first).")

    @field_validator("retry_for", mode="before")
    @classmethod
    def _read_exceptions(cls, value: object) -> object:
        if isinstance(value, str):
            value = split(value)
        if isinstance(value, type):
            value = (value,)
        return exception_mapper(cast("Iterable[object]", value)) if isinstance(value, Iterable) else value

    @property
    def retriable_exceptions(self) -> tuple[type[Exception], ...]:
        """The exceptions that lead to a retry: ``retry_for``, and always ``RetryError``."""
        return self.retry_for if RetryError in self.retry_for else (*self.retry_for, RetryError)

    def contradiction(self) -> str | None:
        modes = (self.running_concurrency, self.registration_concurrency)
        if ConcurrencyControlType.KEYS in modes and not self.key_arguments:
            return (
                "concurrency mode 'keys' compares key_arguments, and there are none. "
                "Name the arguments, or use the mode 'arguments' or 'task'"
            )
        if self.retry_delay_seconds > self.retry_max_delay_seconds:
            return (
                f"retry_delay_seconds ({self.retry_delay_seconds:g}) is longer than retry_max_delay_seconds "
                f"({self.retry_max_delay_seconds:g}), which limits it. Raise the latter"
            )
        return None


def exception_mapper(values: Iterable[object]) -> tuple[object, ...]:
    """Replace dotted names of exceptions (``"builtins.ValueError"``, ``"ValueError"``) by the classes they name.

    Raises:
        ValueError: nothing can be imported under a name.
    """
    return tuple(_named_class(value) if isinstance(value, str) else value for value in values)


def _named_class(name: str) -> object:
    # 6 ms, which the many who name their exceptions by class, or not at all, need not pay.
    from pkgutil import resolve_name  # noqa: PLC0415

    try:
        return resolve_name(name if "." in name else f"builtins.{name}")
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"no exception can be imported under the name {name!r} ({error}); write it as 'module.Class'"
        ) from None
