"""Settings of the orchestrator: who waits for whom, and what is kept."""

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigOrchestrator(ConfigPynencBase):
    """Waiting, cycles and the age at which finished invocations go."""

    blocking_control: bool = Field(
        default=True, description="Follow which invocations wait for which, and run first what others wait for."
    )
    cycle_control: bool = Field(
        default=True,
        description="Look for a cycle when an invocation starts to wait, and raise in place of waiting for ever.",
    )
    auto_final_invocation_purge_hours: float = Field(
        default=24.0, ge=0, description="Hours after which a finished invocation is deleted; 0: at the next purge."
    )
