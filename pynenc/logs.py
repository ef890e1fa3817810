"""The log lines of an application: the logger ``pynenc.<app_id>``, its context, and its three forms.

A line names the runner and the invocation it was written in, wherever in a task's code the call stands::

    2026-01-31 12:00:00.123+01:00 INFO     pynenc.shop [PPR(a1b2c3d4)<invocation id>:orders.ship] parcel left
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, TextIO, cast

from pynenc.conf.config_pynenc import ConfigPynenc, LogFormat
from pynenc.engine.context import get_running
from pynenc.invocation.record import InvocationRecord
from pynenc.module_loggers import MODULES

#: Runners whose names this process remembers; it is home to one and its children, so more means many restarts.
MAX_NAMED_RUNNERS: Final = 1000

#: Characters of a runner id in compact lines. The last ones: ids begin with the time, so those of workers that
#: started together differ only at the end.
COMPACT_ID_LENGTH: Final = 8

#: Ids of processes that are no runners; they say host and process, and are never cut.
EXTERNAL_PREFIX: Final = "ExternalRunner@"

#: The widest name of a level, so that what follows stands in one column.
LEVEL_WIDTH: Final = 8


class Colors:
    """ANSI sequences of coloured lines."""

    RESET: Final = "\033[0m"
    CYAN: Final = "\033[36m"
    GREEN: Final = "\033[32m"
    YELLOW: Final = "\033[33m"
    RED: Final = "\033[31m"
    BLUE: Final = "\033[34m"
    WHITE_ON_RED: Final = "\033[37;41m"

    BY_LEVEL: Final[Mapping[str, str]] = {
        "DEBUG": CYAN,
        "INFO": GREEN,
        "WARNING": YELLOW,
        "ERROR": RED,
        "CRITICAL": WHITE_ON_RED,
    }


class RunnerName(NamedTuple):
    """What a runner is called, and whose child it is."""

    runner_cls: str
    parent_id: str | None = None
    parent_cls: str | None = None


_runner_names: dict[str, RunnerName] = {}


def name_runner(runner_id: str, runner_cls: str, parent_id: str | None = None, parent_cls: str | None = None) -> None:
    """Have log lines of this process call the runner by its class, and by its parent's."""
    while len(_runner_names) >= MAX_NAMED_RUNNERS:
        del _runner_names[next(iter(_runner_names))]
    _runner_names[runner_id] = RunnerName(runner_cls, parent_id, parent_cls)


class PynencContextFilter(logging.Filter):
    """Adds to each record what is running where it is written: the attributes of ``CONTEXT_FIELDS``.

    An attribute that the caller gave in ``extra`` stays as it is.
    """

    def __init__(self, conf: ConfigPynenc) -> None:
        super().__init__()
        self._conf = conf

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete ``record``; all records pass."""
        for field, value in _context().items():
            if not hasattr(record, field):
                setattr(record, field, value)
        record.compact_log_context = self._conf.compact_log_context
        return True


#: Attributes that the filter adds, in the order of a JSON line. Those that do not apply are missing.
CONTEXT_FIELDS: Final = (
    "runner_class",
    "runner_id",
    "parent_runner_class",
    "parent_runner_id",
    "invocation_id",
    "task_id",
)


def _context() -> dict[str, str]:
    """The context of the calling thread or coroutine; the keys are among ``CONTEXT_FIELDS``."""
    running = get_running()
    if running is None:
        return {}
    record = cast("InvocationRecord | None", running.record)
    if record is None:  # sync mode: nothing is stored, and nobody owns it
        return {"invocation_id": running.handle.invocation_id, "task_id": str(running.handle.task.task_id)}
    context = {"invocation_id": record.invocation_id, "task_id": record.task_id}
    if (owner := record.owner) is not None:
        context["runner_id"] = owner
        if (name := _runner_names.get(owner)) is not None:
            context["runner_class"] = name.runner_cls
            if name.parent_id is not None:
                context["parent_runner_id"] = name.parent_id
                context["parent_runner_class"] = name.parent_cls or "Runner"
    return context


class PlainTextFormatter(logging.Formatter):
    """``time LEVEL logger [context] message``, and the traceback below it."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's
        """Local time with milliseconds and the distance from UTC."""
        return datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")

    def usesTime(self) -> bool:  # noqa: N802 - logging's
        """Every line has its time."""
        return True

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """The line without traceback."""
        return f"{record.asctime} {record.levelname:<{LEVEL_WIDTH}} {record.name} {_with_context(record)}"


class ColoredFormatter(PlainTextFormatter):
    """The plain line in colours: level, context and message in that of the level, the logger in blue."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """The line without traceback."""
        color = Colors.BY_LEVEL.get(record.levelname, Colors.RESET)
        level = f"{color}{record.levelname:<{LEVEL_WIDTH}}{Colors.RESET}"
        name = f"{Colors.BLUE}{record.name}{Colors.RESET}"
        return f"{record.asctime} {level} {name} {color}{_with_context(record)}{Colors.RESET}"


class JsonFormatter(PlainTextFormatter):
    """One JSON object in a line; fields that do not apply are left out, and ids are never cut."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole record."""
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        entry = {
            "timestamp": record.asctime,
            "severity": record.levelname,
            "logger": record.name,
            "message": record.message,
            **{field: str(vars(record)[field]) for field in CONTEXT_FIELDS if vars(record).get(field) is not None},
            "text": self.formatMessage(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack_info"] = self.formatStack(record.stack_info)
        return json.dumps(entry)


class AppHandler(logging.StreamHandler[TextIO]):
    """Writes to a given stream, or to what ``sys.stderr`` or ``sys.stdout`` is at the moment of writing."""

    def __init__(self, target: TextIO | str) -> None:
        super().__init__(_stream(target))
        self._target = target

    def aim(self, target: TextIO | str) -> None:
        """Write to this stream, or this stream's name, from now on."""
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = _stream(self._target)
        super().emit(record)


#: One for each logger, so that an app made twice, or again after a fork, prints nothing twice.
_handlers: dict[str, AppHandler] = {}


class _OwnLines(logging.Filter):
    """Lets pass what was logged to one logger, or below it.

    ``shop.north`` may be an application beside ``shop``: with ``logging_propagate`` its lines come by both handlers.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the nearest logger of ours above the record's is this one, or there is none."""
        name = record.name or ""
        while name and name not in _handlers:
            name = name.rpartition(".")[0]
        return name in {"", self.name}


def create_logger(conf: ConfigPynenc, *, stream: TextIO | None = None) -> logging.Logger:
    """The logger ``pynenc.<app_id>``, set up as ``conf`` says; ``stream`` stands in for ``log_stream``.

    A second call for the same application sets the same logger up anew. Handlers of others stay. The lines of our own
    modules take the same way and form; of several applications in a process, that of the one set up last.
    """
    target = stream or conf.log_stream
    _set_up(logging.getLogger(MODULES), conf, target)
    logger = logging.getLogger(f"pynenc.{conf.app_id}")
    _set_up(logger, conf, target)
    return logger


def _set_up(logger: logging.Logger, conf: ConfigPynenc, target: TextIO | str) -> None:
    handler = _handlers.setdefault(logger.name, AppHandler(target))
    handler.aim(target)
    handler.setFormatter(_formatter(conf, _stream(target)))
    handler.filters = [_OwnLines(logger.name), PynencContextFilter(conf)]
    logger.addHandler(handler)
    logger.setLevel(conf.logging_level.upper())
    logger.propagate = conf.logging_propagate


def _formatter(conf: ConfigPynenc, stream: TextIO) -> logging.Formatter:
    if conf.log_format is LogFormat.JSON:
        return JsonFormatter()
    colored = conf.log_use_colors
    if colored is None:
        colored = not os.environ.get("NO_COLOR") and _is_terminal(stream)
    return ColoredFormatter() if colored else PlainTextFormatter()


def _stream(target: TextIO | str) -> TextIO:
    if isinstance(target, str):
        return sys.stdout if target == "stdout" else sys.stderr
    return target


def _is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)  # a process may have no standard streams, and a stand-in no such method
    return bool(isatty and isatty())


def _with_context(record: logging.LogRecord) -> str:
    """The message behind its context in brackets: ``[Parent(id).Runner(id)invocation:task]``, what there is of it."""
    fields = vars(record)
    compact = bool(fields.get("compact_log_context"))
    runners = ".".join(
        _runner(fields.get(f"{prefix}runner_class"), str(runner_id), compact=compact)
        for prefix in ("parent_", "")
        if (runner_id := fields.get(f"{prefix}runner_id")) is not None
    )
    names = ":".join(str(fields[name]) for name in ("invocation_id", "task_id") if fields.get(name) is not None)
    return f"[{runners}{names}] {record.message}" if runners or names else record.message


def _runner(runner_cls: object, runner_id: str, *, compact: bool) -> str:
    name = str(runner_cls or ("ExternalRunner" if runner_id.startswith(EXTERNAL_PREFIX) else "Runner"))
    if compact:
        name = re.sub(r"[^A-Z]", "", name) or name
        if not runner_id.startswith(EXTERNAL_PREFIX):
            runner_id = runner_id[-COMPACT_ID_LENGTH:]
    return f"{name}({runner_id})"


__all__ = [
    "AppHandler",
    "ColoredFormatter",
    "Colors",
    "JsonFormatter",
    "PlainTextFormatter",
    "PynencContextFilter",
    "create_logger",
    "name_runner",
]
