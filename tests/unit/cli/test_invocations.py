"""Listing, showing, following and cancelling invocations; results; calls."""

import io
import json
import re
import sys
import time

import pytest

from pynenc.cli.invocation_show import shown_arguments
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.invocation.status import InvocationStatus
from tests.unit.cli.command_line import finish, masked, running

S = InvocationStatus


# -------------------------------------------------------------------------------------------------------------- list


def test_an_empty_list(pynenc, shop):
    assert pynenc("invocations", "list").lines == ["ID  TASK  STATUS  QUEUE  ATTEMPT  REGISTERED  AGE"]
    assert json.loads(pynenc("invocations", "list", "--json").out) == []
    assert pynenc("invocations", "list", "-o", "id").out == ""


def test_a_list(pynenc, shop):
    finish(shop.app, shop.add(1, 2))
    shop.send("ann")
    ran = pynenc("invocations", "list")
    assert masked(ran.out).splitlines() == [
        "ID  TASK  STATUS  QUEUE  ATTEMPT  REGISTERED  AGE",
        "<id>  tasks.send  registered  mail  0  <time>  <duration>",
        "<id>  tasks.add  success  default  1  <time>  <duration>",
    ]
    assert ran.err == ""


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--status", "registered"), ["send", "add"]),
        (("--status", "SUCCESS", "--status", "cancelled"), ["twice"]),
        (("--task", "tasks.add"), ["add"]),
        (("--queue", "mail"), ["send"]),
        (("--queue", "mail", "--task", "tasks.add"), []),
        (("--since", "1h"), ["send", "add", "twice"]),
        (("--since", "2020-01-01"), ["send", "add", "twice"]),
        (("--since", "2999-01-01"), []),
        (("--workflow", "{add}"), ["add"]),
        (("--parent", "{add}"), []),
        (("--limit", "1"), ["send"]),
        (("--limit", "1", "--after", "{send}"), ["add"]),
    ],
)
def test_filters(pynenc, shop, filters, expected):
    twice, add, send = shop.twice(1), shop.add(1, 2), shop.send("ann")
    shop.app.engine.steps.cancel([twice.invocation_id], "test")
    ids = {"twice": twice.invocation_id, "add": add.invocation_id, "send": send.invocation_id}
    ran = pynenc("invocations", "list", "-o", "id", *(word.format(**ids) for word in filters))
    assert ran.lines == [ids[name] for name in expected]
    assert ran.err == (f"There may be more: --after {ran.lines[-1]}\n" if "--limit" in filters else "")


@pytest.mark.parametrize("text", ["yesterday", "5 m", "-3"])
def test_times_that_are_none(pynenc, shop, text):
    ran = pynenc("invocations", "list", f"--since={text}")
    assert ran.code == 2
    assert "is no time: write 90, 15m, 2h or 7d (ago), or 2026-01-31T12:00" in " ".join(ran.err.split())


def test_json_has_all_fields_and_no_rounding(pynenc, shop):
    invocation = shop.send("ann")
    for form in (("--json",), ("-o", "json")):
        [row] = json.loads(pynenc("invocations", "list", *form).out)
        assert row == json.loads(json.dumps(invocation.record._asdict()))


def test_an_unknown_status_is_an_error_of_usage(pynenc, shop):
    assert pynenc("invocations", "list", "--status", "done").code == 2


# -------------------------------------------------------------------------------------------------------------- show


def test_what_failed(pynenc, shop):
    invocation = shop.send("ann", password="hunter2")
    finish(shop.app, invocation)
    ran = pynenc("invocations", "show", invocation.invocation_id)
    text = re.sub(r'File ".*/', 'File "', masked(ran.out))
    head, _, attempts = text.partition("\n\nAttempt 1")
    assert head.splitlines() == [
        "id  <id>",
        "task  tasks.send",
        "status  failed",
        "queue  mail (priority 0)",
        "parent  -",
        "workflow  <id> (tasks.send)",
        "registered  <time> by <process>",
        "owner  -",
        "attempt  1 (retries 0, recoveries 0)",
        'arguments  to="ann", password=***',
        head.splitlines()[10],
        "",
        "History",
        "TIME  STATUS  ATTEMPT  BY",
        "<time>  registered  0  <process>",
        "<time>  pending  1  <id>",
        "<time>  running  1  <id>",
        "<time>  failed  1  <id>",
    ]
    assert re.fullmatch("time  <duration>: queued .*running <duration>", head.splitlines()[10])
    assert attempts.splitlines() == [
        ": builtins.ValueError after <duration>",
        "Traceback (most recent call last):",
        '  File "tasks.py", line 14, in send'.replace("  File", "  File"),
        '  raise ValueError(f"no mailbox {to}")',
        "ValueError: no mailbox ann",
    ]


def test_children_and_waits(pynenc, shop):
    parent = shop.twice(2)
    finish(shop.app, parent)
    out = masked(pynenc("invocations", "show", parent.invocation_id).out)
    assert out.splitlines()[-3:] == ["Children", "ID  TASK  STATUS", "<id>  tasks.add  success"]
    about = json.loads(pynenc("invocations", "show", parent.invocation_id, "--json").out)
    assert [entry["status"] for entry in about["history"]][-3:] == ["paused", "resumed", "success"]
    [child] = about["children"]
    assert about["waits_for"] == about["waited_for_by"] == about["why_unfinished"] == []
    assert about["timing"]["paused_seconds"] > 0
    assert about["arguments"] == {"x": "2"}
    child_text = pynenc("invocations", "show", child["invocation_id"]).out
    assert f"parent      {parent.invocation_id}" in child_text


def test_serialized_results_and_errors_are_not_shown(pynenc, shop):
    invocation = shop.send("ann")
    finish(shop.app, invocation)
    [attempt] = json.loads(pynenc("invocations", "show", invocation.invocation_id, "--json").out)["attempts"]
    assert not {"result", "error"} & attempt.keys()
    assert attempt["error_type"] == "builtins.ValueError"


def test_why_it_is_not_finished(pynenc, shop):
    first, second = shop.add(1, 2), shop.add(3, 4)
    out = pynenc("invocations", "show", second.invocation_id).out
    assert "unfinished  no runner is alive; start one: pynenc --app=tasks.app runner start\n" in out
    assert "unfinished  queued, with 1 ahead of it in 'default'\n" in out
    assert "with 0 ahead" in pynenc("invocations", "show", first.invocation_id).out


@pytest.mark.parametrize("command", [("invocations", "show"), ("result",), ("invocations", "tail", "--until-final")])
def test_an_unknown_invocation(pynenc, shop, command):
    ran = pynenc(*command, "nothing-of-the-kind")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "app 'shop' has no invocation nothing-of-the-kind\n"


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, {"note": '"' + "x" * 31 + "...", "big": "<large value, kept in the client...", "api_token": "***"}),
        (
            {"argument_print_mode": "full"},
            {
                "note": '"' + "x" * 40 + '"',
                "big": "<large value, kept in the client data store>",
                "api_token": "***",
            },
        ),
        ({"argument_print_mode": "keys"}, {"note": "<hidden>", "big": "<hidden>", "api_token": "<hidden>"}),
        ({"argument_print_mode": "hidden"}, {"<hidden>": "<hidden>"}),
        ({"print_arguments": False}, {"<hidden>": "<hidden>"}),
    ],
)
def test_arguments_are_shown_as_far_as_the_settings_allow(settings, shown):
    text = json.dumps({"note": '"' + "x" * 40 + '"', "big": ["a" * 64], "api_token": '"abc"'})
    assert shown_arguments(ConfigPynenc(**settings), text) == shown


def test_arguments_that_are_none_or_gone():
    assert shown_arguments(ConfigPynenc(), "{}") == {}
    assert shown_arguments(ConfigPynenc(print_arguments=False), "{}") == {}
    assert shown_arguments(ConfigPynenc(), None) is None


# -------------------------------------------------------------------------------------------------------------- tail


def test_following_until_it_is_final(pynenc, shop):
    invocation = shop.add(1, 2)
    finish(shop.app, invocation)
    ran = pynenc("invocations", "tail", "--from", "0", "--until-final", invocation.invocation_id)
    assert ran.code == 0
    assert masked(ran.out).splitlines() == [
        "<time>  <id>  registered  tasks.add  by <process>",
        "<time>  <id>  pending  tasks.add  by <id>",
        "<time>  <id>  running  tasks.add  by <id>",
        "<time>  <id>  success  tasks.add  by <id>",
    ]


def test_following_fails_with_what_it_follows(pynenc, shop):
    invocation = shop.send("ann")
    finish(shop.app, invocation)
    assert pynenc("invocations", "tail", "--until-final", invocation.invocation_id).code == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--status", "success"), ["tasks.add success"]),
        (("--status", "running", "--task", "tasks.send"), ["tasks.send running"]),
        (("--task", "tasks.nothing"), []),
    ],
)
def test_following_some_of_it_as_json(pynenc, shop, filters, expected):
    send, add = shop.send("ann"), shop.add(1, 2)
    finish(shop.app, send, add)
    ran = pynenc("invocations", "tail", "--from", "0", "--until-final", add.invocation_id, "--json", *filters)
    changes = [json.loads(line) for line in ran.lines]
    assert [f"{change['task_id']} {change['status']}" for change in changes] == expected


def test_following_what_comes(pynenc, shop, monkeypatch):
    """Each look that finds nothing is followed by a pause; the third of them is interrupted."""
    shop.add(1, 2)
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt
        shop.add(3, 4)

    monkeypatch.setattr(time, "sleep", pause)
    ran = pynenc("invocations", "tail")
    assert (ran.code, len(ran.lines)) == (130, 2)
    assert pauses == [0.5] * 3


def test_more_changes_than_one_page_are_read_without_a_pause(pynenc, shop, monkeypatch):
    monkeypatch.setattr("pynenc.cli.invocations.TAIL_PAGE", 2)
    invocation = shop.add(1, 2)
    finish(shop.app, invocation)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("there was more to read"))
    ran = pynenc("invocations", "tail", "--from", "0", "--until-final", invocation.invocation_id)
    assert len(ran.lines) == 4


# ------------------------------------------------------------------------------------------------------------ cancel


def test_cancelling(pynenc, shop):
    invocation = shop.add(1, 2)
    ran = pynenc("invocations", "cancel", invocation.invocation_id)
    assert (ran.code, ran.out) == (0, f"{invocation.invocation_id}  cancelled\n")
    assert invocation.status is S.CANCELLED


def test_cancelling_what_is_final_or_unknown(pynenc, shop):
    done, waiting = shop.add(1, 2), shop.add(3, 4)
    finish(shop.app, done)
    other = shop.add(5, 6)
    ran = pynenc("invocations", "cancel", done.invocation_id, other.invocation_id)
    assert ran.code == 4
    assert ran.err == f"{done.invocation_id}  was success already\n"
    assert other.status is S.CANCELLED
    ran = pynenc("invocations", "cancel", "nothing", done.invocation_id)
    assert ran.code == 3
    assert ran.err.splitlines()[0] == "nothing  not found"
    assert waiting.status.is_final()


def test_cancelling_what_is_owned_asks_its_owner(pynenc, shop):
    invocation = shop.add(1, 2)
    shop.app.engine.ledger.claim([invocation.invocation_id], "runner-1", shop.app.engine.clock.now())
    ran = pynenc("invocations", "cancel", invocation.invocation_id)
    assert ran.out == f"{invocation.invocation_id}  asked its owner runner-1 (it is pending)\n"
    out = pynenc("invocations", "show", invocation.invocation_id).out
    assert "unfinished  asked to be cancelled" in out
    assert "unfinished  its owner runner-1 has fallen silent" in out


def test_ids_from_standard_input(pynenc, shop, monkeypatch):
    invocations = [shop.add(1, 2), shop.send("ann")]
    listed = pynenc("invocations", "list", "--status", "registered", "-o", "id").out
    monkeypatch.setattr(sys, "stdin", io.StringIO(listed))
    assert pynenc("invocations", "cancel", "-").code == 0
    assert {invocation.status for invocation in invocations} == {S.CANCELLED}


# ------------------------------------------------------------------------------------------------------------ result


def test_a_result(pynenc, shop):
    invocation = shop.add(1, 2)
    ran = pynenc("result", invocation.invocation_id)
    assert ran.code == 4
    assert ran.err == f"invocation {invocation.invocation_id} is registered; pass --wait to wait for it\n"
    with running(shop.app):
        assert pynenc("result", invocation.invocation_id, "--wait").lines == ["3"]
    assert pynenc("result", invocation.invocation_id, "--json").lines == ["3"]


def test_the_result_of_what_failed_is_its_traceback(pynenc, shop):
    invocation = shop.send("ann")
    finish(shop.app, invocation)
    ran = pynenc("result", invocation.invocation_id)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert ran.err.endswith("ValueError: no mailbox ann\n")


def test_the_result_of_what_was_cancelled(pynenc, shop):
    invocation = shop.add(1, 2)
    pynenc("invocations", "cancel", invocation.invocation_id)
    ran = pynenc("result", invocation.invocation_id)
    assert ran.code == 1
    assert ran.err.startswith("InvocationCancelledError: ")


def test_no_more_patience(pynenc, shop):
    invocation = shop.add(1, 2)
    ran = pynenc("result", invocation.invocation_id, "--timeout", "0.01")
    assert (ran.code, ran.out) == (5, "")
    assert invocation.invocation_id in ran.err


# -------------------------------------------------------------------------------------------------------------- call


def test_a_call(pynenc, shop):
    ran = pynenc("call", "tasks.add", "1", "y=2")
    assert ran.code == 0
    invocation = shop.app.get_invocation(ran.out.strip())
    assert invocation.arguments.kwargs == {"x": 1, "y": 2}
    assert json.loads(pynenc("call", "tasks.add", "1", "2", "--json").out).keys() == {"invocation_id"}


def test_values_are_json_or_text(pynenc, shop):
    invocation_id = pynenc("call", "tasks.send", "a=b", "password=[1, null]").out.strip()
    assert shop.app.get_invocation(invocation_id).arguments.kwargs == {"to": "a=b", "password": [1, None]}


def test_a_call_that_waits(pynenc, shop):
    with running(shop.app):
        ran = pynenc("call", "tasks.add", "1", "2", "--wait")
        assert (ran.code, ran.out) == (0, "3\n")
        assert masked(ran.err) == "invocation <id>\n"
        assert pynenc("call", "tasks.send", "ann", "--wait").code == 1
    assert pynenc("call", "tasks.add", "1", "2", "--timeout", "0.01").code == 5


def test_a_call_in_sync_mode(pynenc, shop, monkeypatch):
    shop.app.conf.dev_mode_force_sync_tasks = True
    assert pynenc("call", "tasks.add", "1", "2").lines == ["3"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("tasks.nothing",), 3, "tasks"),
        (("nonsense",), 3, "is not a task id: expected 'module.function'"),
        (("tasks.add", "1"), 2, "missing a required argument: 'y'"),
        (("tasks.add", "1", "2", "3"), 2, "too many positional arguments"),
    ],
)
def test_calls_that_cannot_be_made(pynenc, shop, arguments, code, message):
    ran = pynenc("call", *arguments)
    assert ran.code == code
    assert message in ran.err
    assert pynenc("invocations", "list", "-o", "id").out == ""
