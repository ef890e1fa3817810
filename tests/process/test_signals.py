"""Signals reach a runner on whatever thread the system delivers them, and not those of processes that tasks start."""

import subprocess
import sys
import textwrap

import pytest

LIMIT_SECONDS = 30
STARTS = """
    import os, signal, threading, warnings
    from pynenc.runner.signal_thread import SignalThread

    came = threading.Event()
    signals = SignalThread(lambda signum: (print(signum.name, flush=True), came.set()))
    signals.start()
"""


def ran(program: str) -> subprocess.CompletedProcess[str]:
    text = textwrap.dedent(STARTS) + textwrap.dedent(program)
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_delivered_to_another_thread_while_the_main_thread_sleeps(name):
    ended = ran(f"""
        asleep = threading.Event()

        def deliver():
            asleep.wait()
            # What a thread does is the third field, behind its name: S, it sleeps.
            while open(f"/proc/self/task/{{os.getpid()}}/stat").read().rpartition(")")[2].split()[0] != "S":
                pass
            signal.pthread_kill(threading.get_ident(), signal.{name})

        threading.Thread(target=deliver).start()
        asleep.set()
        came.wait()
        signals.stop()
    """)
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{name}\n", "", 0)


def test_given_back_at_the_end():
    ended = ran("""
        signals.stop()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.set_wakeup_fd(-1) == -1
        os.kill(os.getpid(), signal.SIGTERM)
    """)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", -15)


def test_those_of_a_process_that_a_task_forked_are_its_own():
    ended = ran("""
        told, tells = os.pipe()
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # From 3.12 on, of the thread.
            child = os.fork()
        if child == 0:
            os.write(tells, b"!")
            signal.pause()
        os.read(told, 1)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        assert not came.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        came.wait()
        signals.stop()
    """)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("SIGINT\n", "", 0)
