"""Log lines of tasks name the runner they ran in, in its own process as in workers."""

import re
import subprocess
import sys

import pytest

TASKS = """
from pynenc import Pynenc
app = Pynenc(app_id="shop")

@app.task
def speaks() -> int:
    app.logger.warning("in the task")
    return 1
"""

PROGRAM = """
import sys, threading, shop
shop.app.conf.runner_cls = sys.argv[1]
runner = shop.app.runner
thread = threading.Thread(target=runner.run)
thread.start()
assert shop.speaks().result == 1
runner.stop_runner_loop()
thread.join()
"""


@pytest.mark.parametrize(
    ("runner", "prefix"),
    [
        ("ThreadRunner", r"TR\(\w{8}\)"),
        ("MultiThreadRunner", r"MTR\(\w{8}\)\.MTRW\(\w{8}\)"),
        ("PersistentProcessRunner", r"PPR\(\w{8}\)\.PPRW\(\w{8}\)"),
        ("ProcessRunner", r"PR\(\w{8}\)\.PW\(\w{8}\)"),
    ],
)
def test_a_line_of_a_task_names_its_runner(tmp_path, runner, prefix):
    (tmp_path / "shop.py").write_text(TASKS)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ran = subprocess.run(
        [sys.executable, program, runner], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    [line] = [line for line in ran.stderr.splitlines() if line.endswith("in the task")]
    assert re.search(rf" WARNING  pynenc\.shop \[{prefix}[0-9a-f-]{{36}}:shop\.speaks\] in the task$", line), line
