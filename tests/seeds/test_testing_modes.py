"""The two ways of testing an application without infrastructure."""

from textwrap import indent

#: A test case around the methods of the landing page.
TEST_CASE = """\
import threading
import unittest

import tasks
from pynenc import PynencBuilder


class TestTasks(unittest.TestCase):
{methods}

    def test_add(self):
        self.assertEqual(tasks.add(1, 2).result, 3)

    def test_fibonacci(self):
        self.assertEqual(tasks.fibonacci(5).result, 5)
"""


def run_unittest(folder, count):
    report = folder.run("-m", "unittest", "test_tasks").errors
    assert f"Ran {count} test" in report
    assert "\nOK" in report


def write_taste(folder, snippet):
    tasks, _call = snippet("taste").split("# Call it")
    folder.write("tasks.py", tasks, snippet("taste-fibonacci"))


def test_sync_shortcut(folder, snippet):
    write_taste(folder, snippet)
    folder.write("test_tasks.py", TEST_CASE.format(methods=indent(snippet("sync-shortcut"), "    ")))
    run_unittest(folder, 2)


def test_full_in_memory_stack(folder, snippet):
    write_taste(folder, snippet)
    folder.write("test_tasks.py", TEST_CASE.format(methods=indent(snippet("full-in-memory-stack"), "    ")))
    run_unittest(folder, 2)
    assert not (folder.folder / ".pynenc").exists()


def test_use_case_5(folder, snippet):
    folder.write("tasks.py", snippet("sync-mode-tasks"))
    folder.write("test_tasks.py", snippet("sync-mode-test"))
    run_unittest(folder, 1)


def test_use_case_6(folder, snippet):
    folder.write("tasks.py", snippet("mem-mode-tasks"))
    folder.write("test_tasks.py", "import threading", snippet("mem-mode-test"))
    run_unittest(folder, 1)
    assert not (folder.folder / ".pynenc").exists()


def test_use_case_6_with_several_tests(folder, snippet):
    # A second test assigns the same classes to the same app, and starts its runner again.
    folder.write("tasks.py", snippet("mem-mode-tasks"))
    second = indent("def test_again(self) -> None:\n    self.assertEqual(tasks.add(2, 2).result, 4)", "    ")
    folder.write("test_tasks.py", "import threading", snippet("mem-mode-test"), second)
    run_unittest(folder, 2)
