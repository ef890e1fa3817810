"""Use case 10: a task that starts when another one succeeds."""

from tests.seeds.program_folder import IN_MEMORY, START_RUNNER, STOP_RUNNER

#: Three successes, and then until all that follows has ended.
CALLS = """\
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until

print([tasks.source_task(n).result for n in range(3)])
count = tasks.app.orchestrator.count_invocations
wait_until(lambda: count("tasks.notification_task", [InvocationStatus.SUCCESS]) == 3, 30, "three notifications")
firings = tasks.app.trigger.get_firings()
print({tasks.app.get_invocation(firing.invocation_id).result for firing in firings}, len(firings))"""

PRINTED = [
    "['Processed 0', 'Processed 1', 'Processed 2']",
    "{'Source task completed successfully'} 3",
]


def test_use_case_10(folder, snippet):
    folder.write("tasks.py", snippet("trigger-on-status"))
    folder.write("main.py", "import tasks", CALLS)
    with folder.runner("pynenc --app=tasks.app runner start") as runner:
        assert folder.run("main.py").lines == PRINTED
    assert "WARNING" not in runner.log()


def test_use_case_10_in_memory(folder, snippet):
    folder.write("tasks.py", snippet("trigger-on-status"))
    folder.write("main.py", "import tasks", START_RUNNER, CALLS, STOP_RUNNER)
    folder.environ |= IN_MEMORY
    assert folder.run("main.py").lines == PRINTED


def test_nothing_fires_in_sync_mode(folder, snippet):
    folder.write("tasks.py", snippet("trigger-on-status"))
    folder.write("main.py", "import tasks\nprint(tasks.source_task(1).result)\ntasks.app.trigger.emit_event('any', {})")
    folder.environ |= {"PYNENC__DEV_MODE_FORCE_SYNC_TASKS": "True"}
    assert folder.run("main.py").lines == ["Processed 1"]
    assert not (folder.folder / ".pynenc").exists()
