"""No command and no function touches a key or a channel of somebody else: the server's access rules see to it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
import redis_tasks

from pynenc import Pynenc
from pynenc.exceptions import StoreUnavailableError
from pynenc.testing import wait_until
from pynenc.testing.apps import APP_ID, RunnerProcess

DEADLINE_SECONDS = 40.0


@pytest.fixture
def restricted_url(redis_url: str) -> Iterator[str]:
    """The same database as a user who may touch what the application of the tests has, and nothing else."""
    own = f"pynenc:{{{APP_ID}}}:*"
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.execute_command("ACL", "SETUSER", "ann", "reset", "on", ">secret", "+@all", f"~{own}", f"&{own}")
        yield redis_url.replace("//", "//ann:secret@")
        client.execute_command("ACL", "DELUSER", "ann")


@pytest.mark.timeout(90)
def test_an_application_needs_its_own_keys_only(
    make_app: Callable[..., Pynenc], restricted_url: str, tmp_path: Path
) -> None:
    app = make_app(restricted_url, "PersistentProcessRunner", sweep_interval_seconds=0.2, purge_interval_seconds=0.2)
    with RunnerProcess(app, tmp_path) as runner:
        assert redis_tasks.fibonacci(5).result_within(DEADLINE_SECONDS) == 5
        assert redis_tasks.length("x" * 100_000).result_within(DEADLINE_SECONDS) == 100_000
        app.trigger.emit_event("anything", {})
        wait_until(lambda: len(app.engine.ledger.duties()) >= 5, DEADLINE_SECONDS, "every duty to be performed")
        log = runner.log
    assert "access rules" not in log, log
    app.purge()


def test_another_application_is_refused(make_app: Callable[..., Pynenc], restricted_url: str) -> None:
    """The rules of the test are not mere words."""
    make_app(restricted_url, app_id="another")
    with pytest.raises(StoreUnavailableError, match="access rules"):
        redis_tasks.add(1, 2)


def test_a_user_without_channels_is_told_why_it_cannot_wait(
    make_app: Callable[..., Pynenc], redis_url: str, restricted_url: str
) -> None:
    make_app(restricted_url)
    call = redis_tasks.add(1, 2)
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.execute_command("ACL", "SETUSER", "ann", "resetchannels")
        with pytest.raises(StoreUnavailableError, match="access rules"):
            call.result_within(DEADLINE_SECONDS)
