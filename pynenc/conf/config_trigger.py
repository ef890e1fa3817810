"""Settings of the trigger system."""

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigTrigger(ConfigPynencBase):
    """When conditions are looked at, and how long events are kept."""

    scheduler_interval_seconds: int = Field(
        default=60, gt=0, description="Longest time between two looks at the schedule, in seconds."
    )
    enable_scheduler: bool = Field(
        default=True, description="Let this app's runners start what cron conditions demand."
    )
    max_events_batch_size: int = Field(default=100, gt=0, description="Occurrences that are evaluated in one step.")
    max_waiting_occurrences: int = Field(
        default=1_000,
        gt=0,
        description="Most occurrences that wait at one part of an AND for those of other parts; the oldest makes room.",
    )
    event_retention_days: int = Field(default=7, ge=0, description="Days for which events are kept.")
