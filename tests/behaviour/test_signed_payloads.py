"""Signed payloads: what somebody else wrote into the store is never decoded, whatever it is for."""

import json
import pickle
import sqlite3
from contextlib import closing

import pytest
import redis
import tasks_signed as tasks
from gates_and_notes import DEADLINE_SECONDS
from stage import wait_until_ended
from tasks_signed import FORGED, GENUINE, LARGE

from pynenc import Pynenc
from pynenc.cli.main import main
from pynenc.conf import settings
from pynenc.engine.trigger_facts import Facts
from pynenc.engine.workflow_admin import Unreadable
from pynenc.exceptions import AlreadyInitializedError, ConfigError, PayloadSignatureError, SerializationError
from pynenc.invocation import InvocationStatus
from pynenc.runner.publish import published_tasks
from pynenc.testing import wait_until
from pynenc.testing.apps import collected_log

OLD, NEW = "2026-old", "2026-new"
SECRETS = {OLD: "the-old-secret-of-the-test-7f3a", NEW: "the-new-secret-of-the-test-91bc"}
everywhere = pytest.mark.parametrize("setup", ["sqlite-thread", "redis-thread"])


@pytest.fixture
def build(stage):
    def made(setup, *ids, **settings):
        keys = [f"{key_id}:{SECRETS[key_id]}" for key_id in ids]
        app = stage.build(setup, payload_signing_keys=keys, **settings)
        stage.adopt(app, tasks)
        return app

    return made


def ended(stage, app, *invocations):
    """Run what is there to its end, and forget what this process knows of it."""
    runner = stage.start(app)
    wait_until_ended(app)
    runner.stop()
    app.close()
    return [app.state_backend.get_invocation(each.invocation_id) for each in invocations]


def tamper(app, old=GENUINE, new=FORGED):
    """Replace a text wherever it stands in the store; how many places that were."""
    location = app.engine.backend.location
    if "redis" in type(app.engine.backend.broker).__module__:
        with closing(redis.Redis.from_url(_redis_url(app))) as client:
            return sum(_tamper_with_key(client, key, old.encode(), new.encode()) for key in client.scan_iter())
    with closing(sqlite3.connect(location)) as connection, connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return sum(
            connection.execute(
                f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE instr("{column}", ?)',
                (old, new, old),
            ).rowcount
            for table in tables
            for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            if kind == "TEXT"
        )


def _redis_url(app):
    return app.config_values["redis_url"]


def _tamper_with_key(client, key, old, new):
    match client.type(key):
        case b"string":
            value = client.get(key)
            if old in value:
                client.set(key, value.replace(old, new), keepttl=True)
                return 1
        case b"hash":
            changed = {name: value.replace(old, new) for name, value in client.hgetall(key).items() if old in value}
            if changed:
                client.hset(key, mapping=changed)
                return len(changed)
    return 0


# ------------------------------------------------------------------ each kind


@everywhere
@pytest.mark.parametrize("task", [tasks.echo, tasks.echo_async, tasks.retried], ids=lambda task: task.func.__name__)
def test_arguments(build, stage, setup, task):
    app = build(setup, NEW)
    call = task(GENUINE)
    assert tamper(app) == 1
    with collected_log(app) as lines:
        [after] = ended(stage, app, call)
    assert after.status is InvocationStatus.FAILED
    with pytest.raises(PayloadSignatureError, match=f"Refused, and not decoded: arguments of .*{call.invocation_id}"):
        _ = after.result
    assert [line for line in lines if line.startswith("ERROR SECURITY") and call.invocation_id in line]
    assert after.num_retries == 0, "the same text would be refused again"


@everywhere
def test_arguments_of_another_task(build, stage, setup):
    app = build(setup, NEW)
    call, other = tasks.echo(GENUINE), tasks.failing("xxxxxxx")
    texts = app.engine.state.load_calls([call.invocation_id, other.invocation_id])
    assert tamper(app, texts[call.invocation_id], texts[other.invocation_id])
    one, two = ended(stage, app, call, other)
    with pytest.raises(PayloadSignatureError, match="does not fit"):
        _ = one.result
    with pytest.raises(ValueError, match="xxxxxxx"):
        _ = two.result


@everywhere
def test_a_call_without_arguments_that_somebody_else_wrote(build, stage, setup):
    app = build(setup, NEW)
    call = tasks.nothing()
    [text] = app.engine.state.load_calls([call.invocation_id]).values()
    assert tamper(app, text, "{}")
    [after] = ended(stage, app, call)
    with pytest.raises(PayloadSignatureError, match="no signature"):
        _ = after.result


def test_a_module_that_no_signed_call_names_is_not_imported(build, stage, monkeypatch, tmp_path):
    (tmp_path / "evil_module.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    app = build("sqlite-thread", NEW)
    call = tasks.echo(GENUINE)
    assert tamper(app, "tasks_signed.echo", "evil_module.write")
    [after] = ended(stage, app, call)
    assert after.status is InvocationStatus.FAILED
    assert not (tmp_path / "imported").exists()


@everywhere
def test_results(build, stage, setup):
    app = build(setup, NEW)
    [one, two] = ended(stage, app, tasks.echo(GENUINE), tasks.echo("another"))
    state = app.engine.state
    texts = {
        key[0]: outcome.result for key, outcome in state.outcomes([(i.invocation_id, 1) for i in (one, two)]).items()
    }
    assert tamper(app, texts[two.invocation_id], texts[one.invocation_id]) == 1
    assert one.result == GENUINE
    with pytest.raises(PayloadSignatureError, match="does not fit"):
        _ = two.result  # that of another invocation
    assert tamper(app)
    with collected_log(app) as lines, pytest.raises(PayloadSignatureError, match=one.invocation_id):
        _ = one.result
    assert any("SECURITY Refused, and not decoded: result of" in line for line in lines)


@everywhere
def test_exceptions(build, stage, setup):
    app = build(setup, NEW)
    [call] = ended(stage, app, tasks.failing(GENUINE))
    with pytest.raises(ValueError, match=GENUINE):
        _ = call.result
    assert tamper(app)
    with pytest.raises(PayloadSignatureError, match=f"exception of {call.invocation_id}"):
        _ = call.result


@everywhere
def test_large_values(build, stage, setup):
    app = build(setup, NEW)
    first, second = tasks.echo(LARGE), tasks.nothing()
    [done, _] = ended(stage, app, first, second)
    assert done.result == LARGE
    app.close()
    assert tamper(app)
    with pytest.raises(PayloadSignatureError, match="its content is not what its key"):
        _ = done.result
    again = tasks.echo(LARGE)
    app.close()
    [after] = ended(stage, app, again)
    with pytest.raises(PayloadSignatureError, match="large value"):
        _ = after.result


@everywhere
def test_workflows(build, stage, setup):
    app = build(setup, NEW)
    [call] = ended(stage, app, tasks.remembering(GENUINE))
    assert call.result == GENUINE.upper() + GENUINE
    assert [each.value for each in app.workflows.history(call.invocation_id)] == [None, GENUINE.upper(), GENUINE]
    assert app.workflows.data(call.invocation_id) == {"key": GENUINE}
    assert tamper(app)
    forged = app.workflows.history(call.invocation_id)[-1].value
    assert isinstance(forged, Unreadable)
    assert isinstance(forged.error, PayloadSignatureError)
    with pytest.raises(PayloadSignatureError, match="workflow value"):
        app.workflows.data(call.invocation_id)


@everywhere
def test_events(build, stage, setup):
    app = build(setup, NEW)
    stage.start(app).stop()  # stores the triggers
    app.trigger.emit_event("signed", {"text": GENUINE})
    texts = [each.data for each in app.engine.backend.trigger.after(0, 10, "event:signed")]
    assert tamper(app, texts[0], texts[0].replace(GENUINE, FORGED))
    with pytest.raises(PayloadSignatureError, match="event of event:signed"):
        app.trigger.get_events()
    with collected_log(app) as lines:
        stage.start(app)
        wait_until(
            lambda: any("SECURITY Refused, and not decoded: event" in line for line in lines),
            DEADLINE_SECONDS,
            "the evaluation",
        )
    assert app.orchestrator.count_invocations() == 0, "nothing fired"


@everywhere
def test_triggers_are_left_out_and_stored_again(build, stage, setup):
    app = build(setup, NEW)
    stage.start(app).stop()
    assert [json.loads(each.text)["task"] for each in app.trigger.get_triggers()].count("tasks_signed.triggered") == 1
    app.close()
    count = len(app.trigger.get_triggers())
    assert tamper(app)
    with collected_log(app) as lines:
        assert len(app.trigger.get_triggers()) == count - 1
    assert any("SECURITY Refused, and not decoded: trigger of" in line for line in lines)
    stage.start(app)
    wait_until(lambda: len(app.trigger.get_triggers()) == count, DEADLINE_SECONDS, "all triggers")
    app.trigger.emit_event("signed", {"text": GENUINE})
    wait_until(lambda: app.orchestrator.count_invocations() == 1, DEADLINE_SECONDS, "the trigger")
    wait_until_ended(app)


def test_a_trigger_of_another_task(build, stage):
    app = build("sqlite-thread", NEW)
    stage.start(app).stop()
    app.close()
    count = len(app.trigger.get_triggers())
    assert tamper(app, "tasks_signed.triggered", "evil.triggered") >= 1
    assert len(app.trigger.get_triggers()) == count - 1


def test_published_tasks(build, stage, capsys):
    app = build("sqlite-thread", NEW)
    app.get_task("tasks_signed.echo")  # runners publish what they know
    stage.start(app).stop()
    assert "tasks_signed.echo" in published_tasks(app)
    app.engine.state.publish("task", {"evil_module.write": "{}"})
    with collected_log(app) as lines:
        assert "evil_module.write" not in published_tasks(app)
    assert any(
        "SECURITY Refused, and not decoded: published description of evil_module.write" in line for line in lines
    )


def test_the_task_of_a_handle(build, stage):
    stage.leaves_unfinished = True
    app = build("sqlite-thread", NEW)
    call = tasks.echo(GENUINE)
    assert tamper(app, "tasks_signed.echo", "evil_module.write")
    with pytest.raises(PayloadSignatureError):
        _ = app.state_backend.get_invocation(call.invocation_id).task


@everywhere
def test_what_triggers_are_told_of_a_failure(build, stage, setup):
    app = build(setup, NEW)
    [call] = ended(stage, app, tasks.failing(GENUINE))
    [outcome] = app.engine.state.outcomes([(call.invocation_id, 1)]).values()
    facts = Facts(app.engine.backend, app.engine.payloads, app.engine.serializer)
    assert facts._failure(outcome) == ("ValueError", GENUINE)
    assert facts._failure(outcome._replace(error_type="x.Y", error_message=FORGED)) == ("ValueError", GENUINE)


@everywhere
def test_everything_works_signed(build, stage, setup):
    app = build(setup, NEW)
    stage.start(app)
    assert tasks.echo(GENUINE).result == GENUINE
    assert tasks.nothing().result == GENUINE
    assert tasks.echo(LARGE).result == LARGE
    assert tasks.echo.parallelize([(str(n),) for n in range(20)]).ordered_results == [str(n) for n in range(20)]
    waiting = tasks.waiting_for_it()
    app.trigger.emit_event("signed", {"text": GENUINE})
    assert waiting.result == GENUINE
    wait_until(lambda: app.orchestrator.count_invocations() == 25, DEADLINE_SECONDS, "the trigger")
    wait_until_ended(app)
    assert [each.payload for each in app.trigger.get_events()] == [{"text": GENUINE}]


# ------------------------------------------------------------------ keys


@everywhere
def test_rotation(build, stage, setup):
    app = build(setup, OLD)
    stage.start(app).stop()
    call = tasks.echo(GENUINE)
    app = build(setup, NEW, OLD)
    [after] = ended(stage, app, call)
    assert after.result == GENUINE
    assert tasks.echo(GENUINE).call_id == call.call_id, "equal calls stay equal"
    assert tamper(app, f"~s1:{NEW}:", f"~s1:{NEW}:"), "all that is new is signed by the new key"
    app = build(setup, NEW)
    assert app.trigger.get_triggers(), "runners have signed them again"
    [after] = ended(stage, app, tasks.echo(GENUINE))
    assert after.result == GENUINE


def test_another_key(build, stage):
    app = build("sqlite-thread", OLD)
    call = tasks.echo(GENUINE)
    app = build("sqlite-thread", NEW)
    [after] = ended(stage, app, call)
    with pytest.raises(PayloadSignatureError, match=f"'{OLD}', which is not known here"):
        _ = after.result


def test_another_secret_of_the_same_name(build, stage, monkeypatch):
    call = build("sqlite-thread", OLD) and tasks.echo(GENUINE)
    monkeypatch.setitem(SECRETS, OLD, "something-else-altogether")
    [after] = ended(stage, build("sqlite-thread", OLD), call)
    with pytest.raises(PayloadSignatureError, match="does not fit"):
        _ = after.result


def test_rolling_out(build, stage):
    """Unsigned, then verify_only, then accept_unsigned, then required: each reads what the one before has written."""
    build("sqlite-thread")
    unsigned = tasks.echo(GENUINE)
    build("sqlite-thread", NEW, payload_signing_mode="verify_only")
    still_unsigned = tasks.echo(GENUINE)
    app = build("sqlite-thread", NEW, payload_signing_mode="accept_unsigned")
    signed = tasks.echo(GENUINE)
    texts = app.engine.state.load_calls([each.invocation_id for each in (unsigned, still_unsigned, signed)])
    assert [text.startswith("~s1:") for text in texts.values()] == [False, False, True]
    app = build("sqlite-thread", NEW, payload_signing_mode="verify_only")
    for call in ended(stage, app, unsigned, signed):
        assert call.result == GENUINE
    app = build("sqlite-thread", NEW, payload_signing_mode="accept_unsigned")
    assert [call.result for call in ended(stage, app, still_unsigned)] == [GENUINE]
    app = build("sqlite-thread", NEW)
    with pytest.raises(PayloadSignatureError, match="no signature, and payload_signing_mode=required"):
        _ = app.state_backend.get_invocation(unsigned.invocation_id).result


def test_without_keys_what_is_signed_is_refused(build, stage):
    build("sqlite-thread", NEW)
    call = tasks.echo(GENUINE)
    [after] = ended(stage, build("sqlite-thread"), call)
    with pytest.raises(SerializationError, match="this process has no payload_signing_keys"):
        _ = after.result


def test_worker_processes_have_the_keys(stage, build):
    build("sqlite-persistent-process", NEW)
    stage.start_process(build("sqlite-persistent-process", NEW))
    assert tasks.echo(GENUINE).result_within(DEADLINE_SECONDS) == GENUINE


# ------------------------------------------------------------------ secrets


def test_secrets_are_shown_nowhere(build, stage, capsys, monkeypatch):
    app = build("sqlite-thread", NEW, OLD, logging_level="debug")
    with collected_log(app) as lines:
        call = tasks.echo(GENUINE)
        tamper(app)
        [after] = ended(stage, app, call)
    with pytest.raises(PayloadSignatureError) as caught:
        _ = after.result
    app.close()
    with pytest.raises(AlreadyInitializedError) as refused:
        _ = app.engine, setattr(app.conf, "payload_signing_keys", [f"x:{SECRETS[OLD]}"])
    monkeypatch.setenv("PYNENC__PAYLOAD_SIGNING_KEYS", ",".join(f"{k}:{s}" for k, s in SECRETS.items()))
    for arguments in (["config", "show"], ["config", "show", "--json"], ["status"], ["doctor"]):
        with pytest.raises(SystemExit):
            main(["--app", "behaviour_app.app", *arguments])
    published = {**app.engine.state.published("app"), **app.engine.state.published("task")}
    printed = capsys.readouterr()
    told = [
        *lines,
        str(caught.getrepr(showlocals=True)),
        str(refused.value),
        *printed,
        str(published),
    ]
    told += [repr(each) for each in (app, app.conf, app.engine, app.engine.signer, vars(app.engine), app.settings)]
    assert sum(len(each) for each in told) > 1000
    for secret in SECRETS.values():
        assert not [each for each in told if secret in each]
        assert secret not in pickle.dumps(app).decode("latin-1"), "a pickle may end in a store"


def test_an_application_that_was_pickled_asks_for_its_keys(build):
    app = build("sqlite-thread", NEW)
    entries = app.__reduce__()[1][0].settings
    assert [(each.field, each.value) for each in entries.entries if "signing" in each.field] == [
        ("payload_signing_mode", "required")
    ]
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(app.engine.signer)


def test_settings_are_logged_without_secrets(monkeypatch, caplog):
    monkeypatch.setattr(settings.logger, "isEnabledFor", lambda _: True)
    monkeypatch.setattr(settings.logger, "handlers", [caplog.handler])
    monkeypatch.setenv("PYNENC__PAYLOAD_SIGNING_KEYS", f"{NEW}:{SECRETS[NEW]}")
    assert Pynenc().conf.signing_keys == {NEW: SECRETS[NEW]}
    assert "payload_signing_keys = '***' from env PYNENC__PAYLOAD_SIGNING_KEYS" in caplog.text
    assert SECRETS[NEW] not in caplog.text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["a:" + "x" * 15], "'a' is shorter than 16"),
        (["x" * 40], "key 1 is not 'id:secret'"),
        (["a b:" + "x" * 40], "key 1 is not 'id:secret'"),
        (["a:" + "x" * 40, "a:" + "y" * 40], "two keys have the same id"),
    ],
)
def test_wrong_keys_are_refused_without_telling_them(keys, message):
    with pytest.raises(ConfigError, match=message) as caught:
        _ = Pynenc({"payload_signing_keys": keys}).conf
    assert not any(part in str(caught.value) for part in ("xxxxx", "yyyyy"))


def test_a_mode_needs_keys():
    with pytest.raises(ConfigError, match="there are no payload_signing_keys"):
        _ = Pynenc({"payload_signing_mode": "required"}).conf
