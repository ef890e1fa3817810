"""The loggers of Pynenc's own modules: for what no application's events announce, because none is at hand there."""

import logging
from typing import Final

#: The root of their tree. Not ``pynenc``: ``pynenc.<app_id>`` is the logger of an application, and an application may
#: be called ``conf`` or ``backends``.
MODULES: Final = "pynenc_library"


def module_logger(module: str) -> logging.Logger:
    """The logger of one of our modules, by its ``__name__``: ``pynenc.conf.names`` -> ``pynenc_library.conf.names``.

    Those of our plugins are in the same tree: ``pynenc_redis.wakeups`` -> ``pynenc_library.redis.wakeups``.

    What it says goes where the application's lines go, in the same form, once an application has a logger.
    """
    return logging.getLogger(f"{MODULES}.{module.removeprefix('pynenc')[1:]}")
