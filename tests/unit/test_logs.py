"""Log lines: their form, their context, and that each is printed once."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pynenc import logs
from pynenc.conf.config_pynenc import ConfigPynenc, LogFormat
from pynenc.engine.context import reset_running, set_running
from pynenc.logs import AppHandler, ColoredFormatter, Colors, JsonFormatter, create_logger, name_runner
from pynenc.module_loggers import MODULES, module_logger

RUNNER = "018f0000-0000-7000-8000-00000000aaaa"
WORKER = "018f0000-0000-7000-8000-00000000bbbb"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"


@pytest.fixture
def conf(monkeypatch):
    """Settings of an app, with nothing left of what other tests did to its logger."""
    monkeypatch.setattr(logs, "_handlers", {})
    monkeypatch.setattr(logs, "_runner_names", {})
    yield ConfigPynenc(app_id="logs")
    forget("logs")


def forget(*app_ids):
    """Put the loggers of these apps, and that of our modules, back to how Python makes them."""
    for name in (MODULES, *(f"pynenc.{app_id}" for app_id in app_ids)):
        logger = logging.getLogger(name)
        for handler in [each for each in logger.handlers if isinstance(each, AppHandler | logging.NullHandler)]:
            logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


@pytest.fixture
def stream():
    return io.StringIO()


def context(record, handle=None) -> Any:
    """What of ``Running`` the log lines look at."""
    return SimpleNamespace(record=record, handle=handle)


@pytest.fixture
def running():
    """Makes it look as if an invocation ran here."""
    tokens = []

    def run(owner=WORKER, invocation_id="i-1", task_id="orders.ship"):
        record = SimpleNamespace(invocation_id=invocation_id, task_id=task_id, owner=owner)
        tokens.append(set_running(context(record)))

    yield run
    for token in reversed(tokens):
        reset_running(token)


class Records(logging.Handler):
    """Keeps what reaches it. (pytest's own handler is also put on loggers that pass nothing on.)"""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        self.seen.append(record)


@pytest.fixture
def root():
    """What arrives at the root logger."""
    logging.getLogger().addHandler(handler := Records())
    yield handler.seen
    logging.getLogger().removeHandler(handler)


def lines(stream):
    return stream.getvalue().splitlines()


def message(line):
    """What follows the logger's name."""
    return line.split(" pynenc.", 1)[1].split(" ", 1)[1]


# ------------------------------------------------------------------------ text


def test_a_plain_line(conf, stream):
    create_logger(conf, stream=stream).info("parcel %d left", 7)
    assert re.fullmatch(rf"{TIME} INFO     pynenc\.logs parcel 7 left\n", stream.getvalue())


def test_a_traceback_follows_the_line(conf, stream):
    logger = create_logger(conf, stream=stream)
    try:
        int("seven")
    except ValueError:
        logger.exception("lost")
    assert message(lines(stream)[0]) == "lost"
    assert lines(stream)[1] == "Traceback (most recent call last):"
    assert lines(stream)[-1].startswith("ValueError: invalid literal")


@pytest.mark.parametrize(
    ("level", "color"),
    [("DEBUG", "36"), ("INFO", "32"), ("WARNING", "33"), ("ERROR", "31"), ("CRITICAL", "37;41")],
)
def test_a_coloured_line(conf, stream, level, color):
    conf.logging_level, conf.log_use_colors = "debug", True
    create_logger(conf, stream=stream).log(getattr(logging, level), "left")
    assert re.fullmatch(
        rf"{TIME} \x1b\[{color}m{level:<8}\x1b\[0m \x1b\[34mpynenc\.logs\x1b\[0m "
        rf"\x1b\[{color}mleft\x1b\[0m\n",
        stream.getvalue(),
    )


def test_a_coloured_line_without_its_colours_is_the_plain_line(conf, stream, running):
    running()
    conf.log_use_colors = True
    create_logger(conf, stream=stream).warning("left")
    plain = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue())
    assert re.fullmatch(rf"{TIME} WARNING  pynenc\.\S+ \[R\(0000bbbb\)i-1:orders\.ship\] left\n", plain)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("setting", "stream", "no_color", "colored"),
    [
        (None, Terminal(), "", True),
        (None, Terminal(), "1", False),
        (None, io.StringIO(), "", False),
        (True, io.StringIO(), "1", True),
        (False, Terminal(), "", False),
    ],
)
def test_when_lines_are_coloured(conf, monkeypatch, setting, stream, no_color, colored):  # noqa: PLR0917
    monkeypatch.setenv("NO_COLOR", no_color)
    conf.log_use_colors = setting
    create_logger(conf, stream=stream).warning("x")
    assert (Colors.RESET in stream.getvalue()) is colored


def test_levels_below_the_configured_one_are_not_logged(conf, stream):
    conf.logging_level = "warning"
    logger = create_logger(conf, stream=stream)
    logger.info("no")
    logger.warning("yes")
    assert [message(line) for line in lines(stream)] == ["yes"]


# ------------------------------------------------------------------------ json


def test_a_json_line_has_the_full_context(conf, stream, running):
    name_runner(WORKER, "PersistentWorker", RUNNER, "PersistentProcessRunner")
    running()
    conf.log_format = LogFormat.JSON
    create_logger(conf, stream=stream).info("parcel\n%d", 7)
    [line] = lines(stream)
    entry = json.loads(line)
    assert re.fullmatch(TIME, entry.pop("timestamp"))
    assert entry.pop("text").endswith("[PPR(0000aaaa).PW(0000bbbb)i-1:orders.ship] parcel\n7")
    assert entry == {
        "severity": "INFO",
        "logger": "pynenc.logs",
        "message": "parcel\n7",
        "runner_class": "PersistentWorker",
        "runner_id": WORKER,
        "parent_runner_class": "PersistentProcessRunner",
        "parent_runner_id": RUNNER,
        "invocation_id": "i-1",
        "task_id": "orders.ship",
    }


def test_a_json_line_leaves_out_what_does_not_apply(conf, stream):
    conf.log_format = LogFormat.JSON
    create_logger(conf, stream=stream).info("started")
    assert set(json.loads(stream.getvalue())) == {"timestamp", "severity", "logger", "message", "text"}


def test_a_json_line_carries_the_exception_and_the_stack(conf, stream):
    conf.log_format = LogFormat.JSON
    logger = create_logger(conf, stream=stream)
    try:
        int("seven")
    except ValueError:
        logger.exception("lost", stack_info=True)
    entry = json.loads(stream.getvalue())
    assert entry["exception"].startswith("Traceback")
    assert "ValueError: invalid literal" in entry["exception"]
    assert entry["stack_info"].startswith("Stack (most recent call last)")
    assert "Traceback" not in entry["text"]


def test_a_json_line_survives_a_stream_that_knows_only_ascii(conf):
    conf.log_format = LogFormat.JSON
    raw = io.BytesIO()
    logger = create_logger(conf, stream=io.TextIOWrapper(raw, "ascii", write_through=True))
    # Past pytest's own handler, for half a surrogate pair in what it captures cannot travel to its other process.
    (handler,) = (each for each in logger.handlers if isinstance(each, AppHandler))
    handler.handle(logging.makeLogRecord({"msg": "größer \ud800", "levelno": logging.INFO}))
    assert json.loads(raw.getvalue())["message"] == "größer \ud800"


# --------------------------------------------------------------------- context


@pytest.mark.parametrize(
    ("names", "compact", "prefix"),
    [
        ([], True, "[R(0000bbbb)i-1:orders.ship] "),
        ([(WORKER, "ThreadRunner")], True, "[TR(0000bbbb)i-1:orders.ship] "),
        ([(WORKER, "ThreadRunner")], False, f"[ThreadRunner({WORKER})i-1:orders.ship] "),
        ([(WORKER, "worker")], True, "[worker(0000bbbb)i-1:orders.ship] "),
        ([(WORKER, "Worker", RUNNER, "MultiThreadRunner")], True, "[MTR(0000aaaa).W(0000bbbb)i-1:orders.ship] "),
        (
            [(WORKER, "Worker", RUNNER, "MultiThreadRunner")],
            False,
            f"[MultiThreadRunner({RUNNER}).Worker({WORKER})i-1:orders.ship] ",
        ),
    ],
)
def test_the_context_names_the_runner(conf, stream, running, names, compact, prefix):  # noqa: PLR0917
    for name in names:
        name_runner(*name)
    conf.compact_log_context = compact
    running()
    create_logger(conf, stream=stream).info("left")
    assert message(lines(stream)[0]) == prefix + "left"


def test_the_id_of_an_external_process_is_never_cut(conf, stream, running):
    running(owner="ExternalRunner@some-long-host-name-4242")
    create_logger(conf, stream=stream).info("left")
    assert message(lines(stream)[0]) == "[ER(ExternalRunner@some-long-host-name-4242)i-1:orders.ship] left"


def test_without_an_owner_the_invocation_stands_alone(conf, stream, running):
    running(owner=None)
    create_logger(conf, stream=stream).info("left")
    assert message(lines(stream)[0]) == "[i-1:orders.ship] left"


def test_sync_mode_shows_invocation_and_task(conf, stream):
    handle = SimpleNamespace(invocation_id="i-9", task=SimpleNamespace(task_id="orders.ship"))
    token = set_running(context(None, handle))
    try:
        create_logger(conf, stream=stream).info("left")
    finally:
        reset_running(token)
    assert message(lines(stream)[0]) == "[i-9:orders.ship] left"


def test_the_setting_for_compact_context_counts_at_once(conf, stream, running):
    running()
    logger = create_logger(conf, stream=stream)
    conf.compact_log_context = False
    logger.info("left")
    assert message(lines(stream)[0]) == f"[Runner({WORKER})i-1:orders.ship] left"


def test_each_thread_has_its_own_context(conf, stream, running):
    logger = create_logger(conf, stream=stream)
    running()
    thread = threading.Thread(target=logger.info, args=("elsewhere",))
    thread.start()
    thread.join()
    logger.info("here")
    assert [message(line) for line in lines(stream)] == ["elsewhere", "[R(0000bbbb)i-1:orders.ship] here"]


def test_each_coroutine_has_its_own_context(conf, stream):
    logger = create_logger(conf, stream=stream)

    async def work(name):
        set_running(context(SimpleNamespace(invocation_id=name, task_id="m.f", owner=None)))
        await asyncio.sleep(0)
        logger.info("in %s", name)

    async def both():
        await asyncio.gather(asyncio.create_task(work("a")), asyncio.create_task(work("b")))

    asyncio.run(both())
    assert [message(line) for line in lines(stream)] == ["[a:m.f] in a", "[b:m.f] in b"]


def test_context_given_with_the_call_stays(conf, stream, running):
    running()
    create_logger(conf, stream=stream).info("left", extra={"invocation_id": "i-2"})
    assert message(lines(stream)[0]) == "[R(0000bbbb)i-2:orders.ship] left"


def test_the_names_of_runners_are_bounded(conf, monkeypatch):
    monkeypatch.setattr(logs, "MAX_NAMED_RUNNERS", 3)
    for number in range(5):
        name_runner(f"r-{number}", "ThreadRunner")
    assert list(logs._runner_names) == ["r-2", "r-3", "r-4"]


# ------------------------------------------------------------------ no doubles


def test_making_the_logger_again_prints_nothing_twice(conf, stream):
    first = create_logger(conf, stream=io.StringIO())
    second = create_logger(conf, stream=stream)
    assert first is second
    second.info("once")
    assert [message(line) for line in lines(stream)] == ["once"]


def test_making_the_logger_again_takes_the_new_settings(conf, stream):
    create_logger(conf, stream=stream)
    conf.log_format, conf.logging_level = LogFormat.JSON, "debug"
    create_logger(conf, stream=stream).debug("once")
    assert json.loads(stream.getvalue())["message"] == "once"


def test_handlers_of_others_stay(conf, stream):
    theirs = logging.NullHandler()
    logging.getLogger("pynenc.logs").addHandler(theirs)
    assert theirs in create_logger(conf, stream=stream).handlers


FORKING = """
import os

from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.logs import create_logger

conf = ConfigPynenc(app_id="forked")
create_logger(conf)
child = os.fork()
create_logger(conf).info("from the %s", "parent" if child else "child")
if child:
    os.waitpid(child, 0)
"""


def test_a_child_after_a_fork_prints_once():
    # In a process of its own: a fork beside the threads of other tests is what Python warns of.
    root = str(Path(logs.__file__).parents[1])
    ran = subprocess.run(
        (sys.executable, "-c", FORKING), env={"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert sorted(message(line) for line in ran.stderr.splitlines()) == ["from the child", "from the parent"]


def test_lines_are_not_passed_to_the_root_logger_unless_asked(conf, stream, root):
    create_logger(conf, stream=stream).warning("kept")
    conf.logging_propagate = True
    create_logger(conf, stream=stream).warning("passed on")
    assert [record.message for record in root] == ["passed on"]


def test_records_passed_on_carry_the_context(conf, stream, root, running):
    running()
    conf.logging_propagate = True
    create_logger(conf, stream=stream).warning("passed on")
    assert [(record.invocation_id, record.runner_id) for record in root] == [("i-1", WORKER)]


def test_an_app_below_another_is_printed_once(conf, stream):
    conf.logging_propagate = True
    create_logger(conf, stream=stream)
    below = ConfigPynenc(app_id="logs.north", logging_propagate=True)
    create_logger(below, stream=stream).warning("once")
    logging.getLogger("pynenc.logs.north.orders").warning("below it, once")
    assert [message(line) for line in lines(stream)] == ["once", "below it, once"]
    forget("logs.north")


# ----------------------------------------------------------------- our modules


@pytest.mark.parametrize(
    ("module", "logger"),
    [
        ("pynenc.backends.sqlite.wakeups", "pynenc_library.backends.sqlite.wakeups"),
        # A plugin of ours.
        ("pynenc_redis.wakeups", "pynenc_library.redis.wakeups"),
    ],
)
def test_lines_of_our_modules_have_the_form_of_the_apps(conf, stream, running, module, logger):
    conf.log_format = LogFormat.JSON
    create_logger(conf, stream=stream)
    running()
    module_logger(module).warning("no pipes")
    [entry] = map(json.loads, lines(stream))
    assert entry["logger"] == logger
    assert (entry["message"], entry["invocation_id"]) == ("no pipes", "i-1")


def test_lines_of_our_modules_are_printed_once_however_many_apps_there_are(conf, stream):
    first = io.StringIO()
    create_logger(conf, stream=first)
    create_logger(ConfigPynenc(app_id="logs2", logging_level="warning"), stream=stream)
    module_logger("pynenc.conf.names").info("below the level")
    module_logger("pynenc.conf.names").warning("once")
    assert len(lines(stream)) == 1
    assert first.getvalue() == ""
    forget("logs2")


@pytest.mark.parametrize("app_id", ["conf", "backends", "runner", "backends.sqlite.wakeups"])
def test_an_app_may_be_called_as_a_module_of_ours(conf, stream, app_id):
    logger = create_logger(ConfigPynenc(app_id=app_id), stream=stream)
    modules = [module_logger(f"pynenc.{name}") for name in ("conf.names", "backends.sqlite.wakeups")]
    assert logger.name == f"pynenc.{app_id}"
    assert logger not in modules
    create_logger(conf, stream=io.StringIO())
    logger.warning("mine")
    for each in modules:
        each.warning("theirs")
    assert [message(line) for line in lines(stream)] == ["mine"]
    forget(app_id)


@pytest.mark.parametrize("name", ["stderr", "stdout"])
def test_lines_go_to_the_stream_of_that_name_as_it_is_when_they_are_written(conf, monkeypatch, name):
    conf.log_stream = name
    logger = create_logger(conf)
    monkeypatch.setattr(sys, name, stream := io.StringIO())
    logger.warning("here")
    assert message(lines(stream)[0]) == "here"


def test_a_process_without_standard_streams_can_log(conf, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    create_logger(conf).warning("to nobody")


def test_a_record_that_met_no_filter_is_formatted_too():
    record = logging.LogRecord("pynenc.x", logging.INFO, __file__, 1, "left", None, None)
    assert ColoredFormatter().format(record).endswith(f"{Colors.GREEN}left{Colors.RESET}")
    assert json.loads(JsonFormatter().format(record))["message"] == "left"
    assert isinstance(AppHandler("stderr"), logging.Handler)
