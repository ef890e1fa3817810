"""What ends in an odd way, and code that changes: a workflow that runs again comes to the same."""

import pytest
import tasks_replaying
from gates_and_notes import DEADLINE_SECONDS, notes
from stage import PLAIN, SETUPS

from pynenc.invocation import InvocationStatus
from pynenc.workflow import WorkflowError

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


@everywhere
def test_questions_come_and_go(shared_app, journal):
    invocation = tasks_replaying.asking_new_questions(journal)
    assert invocation.result == [True, True]
    marks = shared_app.workflows.history(invocation.invocation_id, after=-(1 << 62))
    assert sorted(each.name for each in marks) == ["a", "b", "c", "d"]


def test_an_owner_whose_record_is_refused_says_so(stage, journal, monkeypatch):
    app = stage.run("memory-thread")
    monkeypatch.setattr(app.engine.state, "append_log", lambda *_: False)
    invocation = tasks_replaying.asking_new_questions(journal)
    with pytest.raises(WorkflowError, match="has no room for patch"):
        _ = invocation.result
    assert invocation.status is InvocationStatus.FAILED
