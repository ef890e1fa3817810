"""Shows what Pynenc does: ``./dev demo``.

One terminal's worth of work: a folder with ``tasks.py``, a runner started there with the command line, and a client
that calls tasks. Nothing but Python takes part; the two processes meet in an SQLite file.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

from pynenc import Pynenc

HERE = Path(__file__).resolve().parent
COMMAND = "pynenc --app=tasks.app runner start"

#: One worker process with one slot: what is shown does not come from many hands.
PYPROJECT = """\
[tool.pynenc]
app_id = "demo"

[tool.pynenc.persistent_process_runner]
num_processes = 1
"""

#: It takes two seconds. A machine under load may be slow; a demonstration that hangs should still end.
PATIENCE_SECONDS = 100


class Disappointment(Exception):  # noqa: N818  # it is not the program's error
    """Something did not come out as it should."""


def main() -> int:
    """Show everything in a folder that is removed afterwards; the exit code tells whether it came out right."""
    for name in [name for name in os.environ if name.upper().startswith("PYNENC")]:
        del os.environ[name]  # settings of the person who watches
    with tempfile.TemporaryDirectory(prefix="pynenc-demo-") as name:
        folder = Path(name)
        shutil.copy(HERE / "tasks.py", folder)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        os.chdir(folder)
        signal.signal(signal.SIGALRM, out_of_patience)
        signal.alarm(PATIENCE_SECONDS)
        try:
            with runner(folder / "runner.log"):
                show_everything(folder)
        except Disappointment as problem:
            print(f"\nThis did not come out right: {problem}\nThe runner's log:\n")
            print((folder / "runner.log").read_text())
            return 1
        finally:
            os.chdir(HERE)
    print("\nThe runner was asked to stop, and did. All of it came out right.")
    print("Read examples/demo/tasks.py to see how little it takes; the README goes on from here.")
    return 0


def show_everything(folder: Path) -> None:
    """Call tasks, and say what happens."""
    import tasks  # noqa: PLC0415  # as in any client, and only now that the folder is the working directory

    heading("A call returns an invocation; its result comes from the worker")
    show("add(1, 2).result", tasks.add(1, 2).result, 3)

    heading("Many calls are submitted together")
    with stopwatch() as seconds:
        total = sum(tasks.square.parallelize([(n,) for n in range(1000)]).results)
    show("sum(square.parallelize([(0,), ... (999,)]).results)", total, sum(n * n for n in range(1000)))
    say(f"1,000 calls, each with its history, in {seconds():.2f} s")

    heading("A task that waits gives its slot away")
    with stopwatch() as seconds:
        show("fibonacci(15).result", tasks.fibonacci(15).result, 610)
    count = tasks.app.orchestrator.count_invocations(tasks.fibonacci.task_id)
    say(f"{count:,} invocations that wait for one another, on a single slot, in {seconds():.2f} s")

    heading("Retries, where they are asked for")
    call = tasks.fetch("home page")
    show("fetch('home page').result", call.result, "home page, at attempt 3")
    print_history(tasks.app, call.invocation_id)

    heading("kill -9 in the middle of a task")
    show_takeover(tasks, folder / "pids")


def show_takeover(tasks: ModuleType, notes: Path) -> None:
    """Kill the worker that executes a task, and see another one finish it."""
    call = tasks.report(str(notes))
    wait_for(lambda: notes.exists() and notes.read_text() != "")
    first = int(notes.read_text())
    os.kill(first, signal.SIGKILL)
    say(f"the task was running in process {first}, which has just been killed")
    with stopwatch() as seconds:
        second = call.result
    expect(second != first, "the task is finished by another process")
    say(f"process {second} took it over and finished it; {seconds():.2f} s after the kill its result was here")
    print_history(tasks.app, call.invocation_id)
    expect(
        [str(step.status) for step in tasks.app.state_backend.get_history(call.invocation_id)].count("running") == 2,
        "its history shows two executions",
    )


# --- the runner ------------------------------------------------------------------------------------------------------


@contextmanager
def runner(log: Path) -> Iterator[None]:
    """Have a runner work in the current folder."""
    print(f"In a temporary folder with tasks.py, a runner is started:\n\n    {COMMAND}")
    program = Path(sys.executable).with_name("pynenc")
    with log.open("w") as output:
        process = subprocess.Popen([program, *COMMAND.split()[1:]], stdout=output, stderr=output)  # noqa: S603
    try:
        wait_for(lambda: process.poll() is not None or " started " in log.read_text())
        expect(process.poll() is None, "the runner starts")
        yield
        process.send_signal(signal.SIGTERM)
        expect(process.wait() == 0, "the runner stops in good order")
    finally:
        process.kill()
        process.wait()


# --- saying so -------------------------------------------------------------------------------------------------------


def heading(text: str) -> None:
    """Begin a part."""
    print(f"\n{text}\n")


def say(text: str) -> None:
    """Tell something."""
    print(f"    {text}")


def show(call: str, got: object, expected: object) -> None:
    """Tell what a call came to, which must be what it should."""
    say(f"{call}  ->  {got!r}")
    expect(got == expected, f"{call} is {expected!r}, not {got!r}")


def expect(condition: bool, claim: str) -> None:  # reads as a sentence
    """Stop the demonstration unless the claim holds."""
    if not condition:
        raise Disappointment(f"it should be that {claim}")


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is the case."""
    while not condition():
        time.sleep(0.01)


def out_of_patience(_signum: int, _frame: FrameType | None) -> None:
    """Handle the alarm."""
    raise Disappointment(f"it should take less than {PATIENCE_SECONDS} s")


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Measure what happens inside."""
    start = time.perf_counter()
    end = 0.0
    yield lambda: end - start
    end = time.perf_counter()


def print_history(app: Pynenc, invocation_id: str) -> None:
    """Print when the invocation came to each status, and by whom."""
    history = app.state_backend.get_history(invocation_id)
    supervisors = {runner.runner_id for runner in app.orchestrator.get_active_runners() if runner.parent_id is None}
    names: dict[str | None, str] = dict.fromkeys(supervisors, "the runner")
    print(f"\n    history of {invocation_id}")
    for step in history:
        after = (step.timestamp - history[0].timestamp).total_seconds()
        actor = step.runner_context_id
        if actor not in names:
            # Whoever is no runner is a client: the one who made the call.
            made_the_call = step is history[0]
            names[actor] = "the caller" if made_the_call else f"worker {sum('worker' in n for n in names.values()) + 1}"
        print(f"      {after:7.3f} s  {step.status:17} by {names[actor]}")


if __name__ == "__main__":
    sys.exit(main())
