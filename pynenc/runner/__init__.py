"""Where it runs: presets of one worker pool.

Read in this order: ``pool`` (slots and the threads that carry them), ``parking`` (paused invocations),
``thread_runner`` (a pool in this process), ``supervisor`` and ``worker_process`` (pools in other processes).
"""

from pynenc.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BaseRunner": "pynenc.runner.base_runner",
        "DummyRunner": "pynenc.runner.dummy_runner",
        "ExternalRunner": "pynenc.runner.dummy_runner",
        "MultiThreadRunner": "pynenc.runner.multi_thread_runner",
        "PersistentProcessRunner": "pynenc.runner.persistent_process_runner",
        "ProcessRunner": "pynenc.runner.process_runner",
        "ThreadRunner": "pynenc.runner.thread_runner",
    },
)
