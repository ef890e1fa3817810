"""Choosing who runs the tasks, and how."""

from collections.abc import Iterable
from typing import Self

from pynenc.conf.choices.choices import Choices
from pynenc.conf.config_task import ConcurrencyControlType


class RunnerChoices(Choices):
    """Builder methods for runners and for the execution of tasks."""

    def thread_runner(self, min_threads: int = 1, max_threads: int = 0) -> Self:
        """Run tasks in threads of one process; 0 threads: one per CPU."""
        return self.custom_config(runner_cls="ThreadRunner", min_threads=min_threads, max_threads=max_threads)

    def multi_thread_runner(
        self,
        min_threads: int = 1,
        max_threads: int = 1,
        enforce_max_processes: bool = False,  # noqa: FBT002  # existing programs may pass it by position
        *,
        min_processes: int | None = None,
        max_processes: int | None = None,
    ) -> Self:
        """Run tasks in threads of several processes, whose number follows the queue unless it is enforced."""
        self.custom_config(
            runner_cls="MultiThreadRunner",
            min_threads=min_threads,
            max_threads=max_threads,
            enforce_max_processes=enforce_max_processes,
        )
        return self._choose_given(min_processes=min_processes, max_processes=max_processes)

    def process_runner(self, *, max_processes: int | None = None) -> Self:
        """Run each invocation in a fresh process."""
        return self._choose_given(runner_cls="ProcessRunner", max_processes=max_processes)

    def persistent_process_runner(self, num_processes: int = 0) -> Self:
        """Run tasks in processes that stay, one invocation at a time in each; 0 processes: one per CPU."""
        return self.custom_config(runner_cls="PersistentProcessRunner", num_processes=num_processes)

    def dummy_runner(self) -> Self:
        """Run nothing here: the app only submits."""
        return self.custom_config(runner_cls="DummyRunner")

    def dev_mode(self, force_sync_tasks: bool = True) -> Self:  # noqa: FBT002  # existing programs do
        """Run tasks in the caller's thread, for development."""
        return self.custom_config(dev_mode_force_sync_tasks=force_sync_tasks)

    def runner_tuning(
        self,
        runner_loop_sleep_time_sec: float | None = None,
        invocation_wait_results_sleep_time_sec: float | None = None,
        min_parallel_slots: int | None = None,
    ) -> Self:
        """Choose how often a runner looks where wake-ups cannot reach, and its least number of slots."""
        return self._choose_given(
            runner_loop_sleep_time_sec=runner_loop_sleep_time_sec,
            invocation_wait_results_sleep_time_sec=invocation_wait_results_sleep_time_sec,
            min_parallel_slots=min_parallel_slots,
        )

    def task_control(
        self,
        blocking_control: bool | None = None,  # existing programs may pass it by position
        queue_timeout_sec: float | None = None,
    ) -> Self:
        """Choose whether waiting is followed, and how long a look into the queue may wait."""
        return self._choose_given(blocking_control=blocking_control, queue_timeout_sec=queue_timeout_sec)

    def concurrency_control(
        self,
        running_concurrency: str | ConcurrencyControlType | None = None,
        registration_concurrency: str | ConcurrencyControlType | None = None,
    ) -> Self:
        """Choose the concurrency modes of tasks whose decorator names none."""
        return self._choose_given(
            running_concurrency=_concurrency(running_concurrency),
            registration_concurrency=_concurrency(registration_concurrency),
        )

    def max_pending_seconds(self, seconds: float) -> Self:
        """Choose how long an invocation may be claimed without starting."""
        return self.custom_config(max_pending_seconds=seconds)

    def trigger_task_modules(self, modules: Iterable[str]) -> Self:
        """Name modules that runners import at start, so that the triggers in them are known."""
        return self.custom_config(trigger_task_modules={modules} if isinstance(modules, str) else set(modules))


def _concurrency(mode: str | ConcurrencyControlType | None) -> ConcurrencyControlType | None:
    if mode is None:
        return None
    try:
        return ConcurrencyControlType(mode.lower())
    except ValueError:
        modes = ", ".join(ConcurrencyControlType)
        raise ValueError(f"Invalid concurrency control type: {mode!r}. Use one of {modes}.") from None
