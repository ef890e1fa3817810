from pynenc.app import Pynenc
from pynenc.builder import PynencBuilder
from pynenc.conf.config_task import ConcurrencyControlType
from pynenc.task import Task

__all__ = ["ConcurrencyControlType", "Pynenc", "PynencBuilder", "Task"]
