"""Pynenc: distributed task orchestration for Python."""

from pynenc.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ConcurrencyControlType": "pynenc.conf.config_task",
        "Pynenc": "pynenc.app",
        "PynencBuilder": "pynenc.builder",
        "Task": "pynenc.task",
    },
)
