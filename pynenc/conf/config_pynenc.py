"""Settings of the whole application: ``[tool.pynenc]``."""

import re
from enum import StrEnum
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from pynenc.conf.config_base import ConfigPynencBase

SECONDS_PER_MINUTE = 60

#: Two signs of life may be lost or late before a runner counts as dead.
BEATS_PER_LEASE = 3


#: A key of payload_signing_keys. Its id stands in the open before each text that it has signed.
_SIGNING_KEY = re.compile(r"([A-Za-z0-9._-]{1,32}):(.*)", re.DOTALL)
#: As characters; less can be guessed.
SHORTEST_SECRET = 16


def check_signing_key(number: int, text: str) -> str:
    """The id of a key; errors tell nothing of its secret.

    Raises:
        ValueError: it is not as it should be.
    """
    found = _SIGNING_KEY.fullmatch(text)
    if found is None:
        raise ValueError(f"key {number} is not 'id:secret' with an id of up to 32 letters, digits, '.', '_' and '-'")
    if len(found[2]) < SHORTEST_SECRET:
        raise ValueError(
            f"the secret of key {found[1]!r} is shorter than {SHORTEST_SECRET} characters; make one with "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return found[1]


class ArgumentPrintMode(StrEnum):
    """How much of a call's arguments logs, errors and the monitor show."""

    FULL = "full"
    KEYS = "keys"
    TRUNCATED = "truncated"
    HIDDEN = "hidden"


class LogFormat(StrEnum):
    """The form of a log line."""

    TEXT = "text"
    JSON = "json"


class PayloadSigningMode(StrEnum):
    """What a process with signing keys does: the two later ones are for rolling out, in reverse order."""

    REQUIRED = "required"
    ACCEPT_UNSIGNED = "accept_unsigned"
    VERIFY_ONLY = "verify_only"


class ConfigPynenc(ConfigPynencBase):
    """Identity, components, logging, recovery and housekeeping of one application."""

    app_id: str = Field(
        default="pynenc",
        min_length=1,
        description="Namespace of the application: apps with different ids share nothing.",
    )
    app: str | None = Field(
        default=None, description="Where the command line finds the app, as 'package.module:variable'."
    )

    orchestrator_cls: str | None = Field(
        default=None, description="Class of the orchestrator; unset: SQLiteOrchestrator."
    )
    broker_cls: str | None = Field(
        default=None, description="Class of the broker; unset: that of the orchestrator's product."
    )
    state_backend_cls: str | None = Field(
        default=None, description="Class of the state backend; unset: that of the orchestrator's product."
    )
    trigger_cls: str | None = Field(
        default=None, description="Class of the trigger store; unset: that of the orchestrator's product."
    )
    client_data_store_cls: str | None = Field(
        default=None, description="Class of the client data store; unset: that of the orchestrator's product."
    )
    serializer_cls: str = Field(
        default="JsonPickleSerializer", min_length=1, description="Class that turns arguments and results into text."
    )
    payload_signing_keys: tuple[SecretStr, ...] = Field(
        default=(),
        repr=False,
        description="Keys that sign what is stored, each as 'id:secret': the first signs, all of them verify; none: "
        "nothing is signed.",
    )
    payload_signing_mode: PayloadSigningMode | None = Field(
        default=None,
        description="With keys: 'required' (unset means that) refuses what is not signed, 'accept_unsigned' signs and "
        "reads both, 'verify_only' signs nothing yet.",
    )
    runner_cls: str | None = Field(
        default=None, description="Class of the runner; unset: chosen by what the components allow."
    )
    trigger_task_modules: frozenset[str] = Field(
        default=frozenset(), description="Modules that runners import at start, so that the triggers in them are known."
    )
    dev_mode_force_sync_tasks: bool = Field(
        default=False, description="Run tasks in the caller's thread, without components and without a runner."
    )

    logging_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", description="Lowest level that is logged."
    )
    logging_propagate: bool = Field(
        default=False, description="Pass log records on to the handlers of the root logger too."
    )
    log_format: LogFormat = Field(default=LogFormat.TEXT, description="Form of a log line: text, or JSON objects.")
    log_stream: Literal["stderr", "stdout"] = Field(default="stderr", description="Stream that log lines go to.")
    log_use_colors: bool | None = Field(
        default=None, description="Colour log lines; unset: on terminals, unless NO_COLOR is in the environment."
    )
    compact_log_context: bool = Field(default=True, description="Shorten the names and ids of runners in log lines.")
    print_arguments: bool = Field(default=True, description="Show the arguments of calls; False hides them everywhere.")
    argument_print_mode: ArgumentPrintMode = Field(
        default=ArgumentPrintMode.TRUNCATED, description="How much of the arguments is shown."
    )
    truncate_arguments_length: int = Field(
        default=32, ge=0, description="Characters shown of each argument in mode 'truncated'; 0: all of them."
    )

    lease_seconds: float = Field(
        default=30,
        gt=0,
        description="Seconds without a sign of life after which what a runner owns is taken back and run elsewhere.",
    )
    heartbeat_interval_seconds: float | None = Field(
        default=None,
        gt=0,
        description="Seconds between two signs of life of a runner; unset: a third of lease_seconds.",
    )
    max_pending_seconds: float = Field(
        default=5.0, gt=0, description="Accepted without effect: claims are covered by lease_seconds."
    )
    max_recoveries: int = Field(
        default=3, ge=0, description="Times an invocation is run again after the death of its worker before it fails."
    )
    workflow_stack_seconds: float = Field(
        default=60,
        ge=0,
        description="Seconds that a workflow waits for sub-tasks before it leaves its thread, to come back by replay; "
        "0: it never does.",
    )
    recovery_interval_seconds: float = Field(
        default=5, gt=0, description="Seconds between two searches for work whose owner has fallen silent."
    )
    sweep_interval_seconds: float = Field(
        default=10, gt=0, description="Seconds between two searches for waiting work that is in no queue."
    )
    sweep_grace_seconds: float = Field(
        default=5, ge=0, description="Seconds after its last change before the sweep minds an invocation."
    )
    purge_interval_seconds: float = Field(
        default=300, gt=0, description="Seconds between two searches for old finished invocations to delete."
    )
    no_runner_warning_seconds: float = Field(
        default=5, ge=0, description="Seconds of waiting with no live runner before the waiting side says so."
    )
    stop_grace_seconds: float = Field(
        default=8, ge=0, description="Seconds that running tasks may go on after a runner was asked to stop."
    )
    cached_status_time: float = Field(
        default=0.1,
        ge=0,
        description="Accepted without effect: a status is read when it is asked for.",
    )

    recover_pending_invocations_cron: str = Field(
        default="*/5 * * * *", description="Accepted without effect: see recovery_interval_seconds."
    )
    recover_running_invocations_cron: str = Field(
        default="*/15 * * * *", description="Accepted without effect: see recovery_interval_seconds."
    )
    atomic_service_interval_minutes: float = Field(
        default=5.0, gt=0, description="Accepted without effect: see sweep_interval_seconds."
    )
    atomic_service_spread_margin_minutes: float = Field(
        default=1.0, ge=0, description="Accepted without effect: see sweep_interval_seconds."
    )
    atomic_service_check_interval_minutes: float = Field(
        default=0.5, gt=0, description="Accepted without effect: see sweep_interval_seconds."
    )
    atomic_service_max_start_slot_fraction: float = Field(
        default=1.0, gt=0, le=1, description="Accepted without effect: see sweep_interval_seconds."
    )

    @field_validator("payload_signing_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        ids = [check_signing_key(number, key.get_secret_value()) for number, key in enumerate(keys, 1)]
        if len(set(ids)) < len(ids):
            raise ValueError(f"two keys have the same id (the ids are {', '.join(ids)}); give each its own")
        return keys

    @property
    def signing_keys(self) -> dict[str, str]:
        """The secrets of ``payload_signing_keys`` by their ids, the one that signs first."""
        parts = (key.get_secret_value().partition(":") for key in self.payload_signing_keys)
        return {key_id: secret for key_id, _, secret in parts}

    @property
    def heartbeat_seconds(self) -> float:
        """Seconds between two signs of life of a runner, as set or as the lease asks for."""
        return self.heartbeat_interval_seconds or self.lease_seconds / BEATS_PER_LEASE

    @property
    def runner_considered_dead_after_minutes(self) -> float:
        """The older spelling of ``lease_seconds``, in minutes."""
        return self.lease_seconds / SECONDS_PER_MINUTE

    @runner_considered_dead_after_minutes.setter
    def runner_considered_dead_after_minutes(self, minutes: float) -> None:
        self.lease_seconds = minutes * SECONDS_PER_MINUTE

    def contradiction(self) -> str | None:
        if self.payload_signing_mode is not None and not self.payload_signing_keys:
            return (
                f"payload_signing_mode is {self.payload_signing_mode.value!r} and there are no payload_signing_keys, "
                "so nothing could be verified. Give this process the keys (they never travel inside a pickled "
                "application), or leave the mode unset"
            )
        beat = self.heartbeat_interval_seconds
        if beat is not None and beat >= self.lease_seconds:
            return (
                f"heartbeat_interval_seconds ({beat:g}) is not shorter than lease_seconds ({self.lease_seconds:g}), "
                "so live runners would lose their work. Use a third of the lease, or leave it unset"
            )
        return None
