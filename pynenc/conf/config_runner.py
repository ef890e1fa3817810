"""Settings of the runners."""

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigRunner(ConfigPynencBase):
    """What holds for every runner: its queues, its slots, and the bounds of one worker process."""

    queues: tuple[str, ...] = Field(default=(), description="Names of the queues this runner serves; empty: all.")
    min_parallel_slots: int = Field(default=1, ge=1, description="Least number of tasks that run at the same time.")
    max_async_tasks: int = Field(
        default=100, ge=1, description="Coroutines of async tasks that one process runs at the same time."
    )
    max_parked_threads: int = Field(
        default=2000, ge=1, description="Threads of a process that wait for results before it only takes awaited work."
    )
    max_paused_coroutines: int = Field(
        default=20000,
        ge=1,
        description="Coroutines of a process that wait for results before it only takes awaited work.",
    )
    claim_ahead_milliseconds: float = Field(
        default=30, ge=0, description="Work that a worker claims ahead, in milliseconds at the pace it sees."
    )
    max_invocations_per_process: int = Field(
        default=0, ge=0, description="Invocations after which a worker process is replaced by a fresh one; 0: never."
    )
    max_memory_per_process_mib: int = Field(
        default=0, ge=0, description="Memory in MiB above which a worker process is replaced by a fresh one; 0: never."
    )
    invocation_wait_results_sleep_time_sec: float = Field(
        default=0.1, ge=0, description="Accepted without effect: waiters are woken."
    )
    runner_loop_sleep_time_sec: float = Field(
        default=0.1, ge=0, description="Accepted without effect: workers are woken."
    )


class ConfigThreadRunner(ConfigRunner):
    """Threads of one process: ``max_threads`` of them, but never fewer than the two lower bounds ask for."""

    min_threads: int = Field(default=1, ge=1, description="Least number of threads that run tasks.")
    max_threads: int = Field(default=0, ge=0, description="Threads that run tasks at the same time; 0: one per CPU.")


class ConfigMultiThreadRunner(ConfigThreadRunner):
    """Several processes with several threads each; their number follows the queue."""

    max_threads: int = Field(
        default=1, ge=0, description="Threads that run tasks at the same time in each process; 0: one per CPU."
    )
    min_processes: int = Field(default=1, ge=1, description="Processes that stay although there is no work.")
    max_processes: int = Field(default=0, ge=0, description="Most processes at the same time; 0: one per CPU.")
    idle_timeout_process_sec: int = Field(
        default=4, ge=0, description="Seconds without work after which a process beyond min_processes ends."
    )
    enforce_max_processes: bool = Field(default=True, description="Keep max_processes alive, whatever the load.")

    def contradiction(self) -> str | None:
        if 0 < self.max_processes < self.min_processes:
            return (
                f"min_processes ({self.min_processes}) is larger than max_processes ({self.max_processes}). "
                "Raise the latter, or set it to 0 for one per CPU"
            )
        return None


class ConfigProcessRunner(ConfigRunner):
    """A fresh process for every invocation."""

    max_processes: int = Field(default=0, ge=0, description="Most processes at the same time; 0: one per CPU.")


class ConfigPersistentProcessRunner(ConfigThreadRunner):
    """Processes that stay, each running one invocation at a time."""

    num_processes: int = Field(default=0, ge=0, description="Worker processes; 0: one per CPU.")
