"""The taste on the landing page, and the quick start: in two terminals, and without a runner."""

import pytest

from tests.seeds.program_folder import IN_MEMORY, START_RUNNER, STOP_RUNNER

TASTE_CALL = "# Call it"


@pytest.fixture(params=["pynenc --app=tasks.app runner start", "pynenc runner start"])
def start_command(request):
    return request.param


def test_quick_start_in_two_terminals(folder, snippet, start_command):
    folder.write("tasks.py", snippet("quick-start-tasks"))
    folder.write(
        "main.py",
        "from tasks import add, direct_add",
        snippet("quick-start-calls"),
        "print(result, direct_result)",
    )
    with folder.runner(start_command) as runner:
        assert folder.run("main.py").lines == ["3 3"]
    assert "add.task_id=TaskId(module='tasks', func_name='add') Adding 1 + 2" in runner.log()
    assert "WARNING" not in runner.log()


def test_the_command_is_the_documents_own(snippet):
    assert snippet("quick-start-runner") == "pynenc --app=tasks.app runner start"


def test_quick_start_synchronously(folder, snippet):
    folder.write("tasks.py", snippet("quick-start-tasks"))
    folder.write(
        "main.py",
        "from tasks import add, direct_add",
        snippet("quick-start-calls"),
        "print(result, direct_result)",
    )
    ran = folder.run("main.py", environ={"PYNENC__DEV_MODE_FORCE_SYNC_TASKS": "True"})
    assert ran.lines == ["3 3"]
    assert "Adding 1 + 2" in ran.errors
    assert not (folder.folder / ".pynenc").exists()


def test_taste(folder, snippet):
    # The call stands in the module of the task, where every worker would make it again: it belongs to the caller.
    tasks, call = snippet("taste").split(TASTE_CALL)
    folder.write("tasks.py", tasks, snippet("taste-fibonacci"))
    folder.write(
        "main.py", "from tasks import add, fibonacci", TASTE_CALL + call, "print(result, fibonacci(10).result)"
    )
    with folder.runner("pynenc --app=tasks.app runner start"):
        assert folder.run("main.py").lines == ["3 55"]


@pytest.mark.parametrize("mode", ["True", "False"])
def test_use_case_1(folder, snippet, mode):
    folder.write("tasks.py", snippet("local-threaded"))
    folder.write("main.py", "import tasks", START_RUNNER, "print(tasks.add(1, 2).result)", STOP_RUNNER)
    ran = folder.run("main.py", environ={**IN_MEMORY, "PYNENC__DEV_MODE_FORCE_SYNC_TASKS": mode})
    assert ran.lines == ["3"]


@pytest.mark.parametrize("runner", ["ThreadRunner", "MultiThreadRunner", "ProcessRunner", "PersistentProcessRunner"])
def test_use_case_2_on_one_host(folder, snippet, runner):
    folder.write("tasks.py", snippet("add-and-sleep"))
    folder.write("main.py", "import tasks", "print(tasks.add(1, 2).result, tasks.sleep(0).result)")
    folder.environ["PYNENC__RUNNER_CLS"] = runner
    with folder.runner("pynenc --app=tasks.app runner start") as started:
        assert folder.run("main.py").lines == ["3 0"]
    assert runner in started.log()
