"""The state machine on the command line, and completion."""

from pathlib import Path

import pytest

from pynenc.invocation.status_graph import render_svg, render_text


def test_rendering_needs_no_application(pynenc):
    ran = pynenc("status", "render")
    assert (ran.code, ran.out, ran.err) == (0, render_text(), "")
    assert "START -> REGISTERED" in ran.out
    assert "PENDING -> FAILED" not in ran.out
    assert pynenc("status", "render", "--format", "svg").out == render_svg()


@pytest.mark.parametrize(("form", "text"), [("svg", render_svg()), ("text", render_text())])
def test_writing_and_checking_a_file(pynenc, form, text):
    command = ("status", "render", "--format", form, "--output", "new/machine")
    missing = pynenc(*command, "--check")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == (
        f"Missing generated file: new/machine. Run: pynenc status render --format {form} --output new/machine\n"
    )
    assert pynenc(*command).out == "Wrote new/machine\n"
    assert Path("new/machine").read_text() == text
    assert pynenc(*command, "--check").code == 0
    Path("new/machine").write_text("old")
    stale = pynenc(*command, "--check")
    assert stale.code == 1
    assert stale.err.startswith("new/machine is stale. Run: pynenc status render")
    assert Path("new/machine").read_text() == "old"


def test_checking_without_a_file(pynenc):
    assert pynenc("status", "render", "--check").err == "--check requires --output when --format text\n"
    assert "Missing generated file: docs/invocation_state_machine.svg" in (
        pynenc("status", "render", "--check", "--format", "svg").err
    )


def test_the_diagram_of_the_repository_is_the_default(pynenc, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    assert pynenc("status", "render", "--check", "--format", "svg").code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(pynenc, shell):
    ran = pynenc("completion", shell)
    assert ran.code == 0
    assert "_PYNENC_COMPLETE" in ran.out


def test_what_is_completed(pynenc, monkeypatch):
    monkeypatch.setenv("_PYNENC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "pynenc invocations list --status pa")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert pynenc().lines == ["plain,paused"]
