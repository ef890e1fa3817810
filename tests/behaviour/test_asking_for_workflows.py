"""Lists of workflows in pages, and what is shown of one whose values cannot all be read."""

import json

import pytest
import tasks_replaying
from click.testing import CliRunner
from gates_and_notes import DEADLINE_SECONDS, note
from stage import THREADS, wait_for_status, wait_until_ended

from pynenc.cli.main import cli
from pynenc.invocation import InvocationStatus


@pytest.mark.parametrize("setup", THREADS, ids=str)
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_of_a_status_are_full(stage, setup, journal, limit):
    app = stage.run(setup, slots=2)
    failing = [tasks_replaying.part_flow(journal) for _ in range(12)]
    for each in failing:
        assert each.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    note(journal, "ready")
    for each in failing[3:9]:
        assert app.workflows.resume(each.invocation_id).result == "ready"
    succeeding = [tasks_replaying.part_flow(journal) for _ in range(2)]
    wait_until_ended(app)

    def listed(status):
        found, after = [], None
        while page := app.workflows.list(statuses=[status], limit=limit, after=after):
            assert len(page) <= limit
            found += [each.workflow_id for each in page]
            after = page[-1].workflow_id
            if len(page) < limit:
                break
        return found

    def newest_first(invocations):
        return [each.invocation_id for each in reversed(invocations)]

    assert listed(InvocationStatus.FAILED) == newest_first([*failing[:3], *failing[9:]])
    assert listed(InvocationStatus.SUCCESS) == newest_first([*failing[3:9], *succeeding])


def test_what_cannot_be_read_hides_nothing_else(stage, journal, monkeypatch):
    app = stage.run("memory-thread", slots=1)
    invocation = tasks_replaying.keeping_values(1000)
    wait_for_status(invocation, InvocationStatus.REROUTED)
    monkeypatch.setattr("pynenc.cli.workflows.readable_app", lambda _ctx: (app, None))
    monkeypatch.delattr(tasks_replaying, "Forgotten")
    app.engine.payloads.purge_cache()
    run = CliRunner()
    shown = json.loads(run.invoke(cli, ["workflows", "show", invocation.invocation_id, "--json"]).output)
    values = {each["kind"]: each["value"] for each in shown["operations"]}
    assert values["step"].startswith("<cannot be read here: ")
    assert isinstance(values["sleep"], float)
    assert shown["data"]["odd"].startswith("<cannot be read here: ")
    assert shown["data"]["plain"] == "1"
    text = run.invoke(cli, ["workflows", "show", invocation.invocation_id]).output
    assert "cannot be read here" in text
    assert "until 20" in text
    invocation.cancel()
