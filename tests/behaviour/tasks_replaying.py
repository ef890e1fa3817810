"""Workflows whose failures, time-outs and changes must come to the same when they run again."""

import asyncio
import sys
from typing import Any

from behaviour_app import app
from gates_and_notes import note, notes


class AgainError(Exception):
    """Has the workflow run again."""


def attempts(journal: str, name: str = "attempt") -> int:
    """How often this line was passed, this time included."""
    note(journal, name)
    return notes(journal).count(name)


@app.workflow(retry_for=(AgainError,), max_retries=3)
def asking_new_questions(journal: str) -> list[bool]:
    """Three deployments, the last of which has dropped the questions of the others."""
    wf = asking_new_questions.wf
    deployment = attempts(journal)
    answers = [wf.patched(each) for each in {1: ["a"], 2: ["a", "b"], 3: ["c", "d"]}[deployment]]
    if deployment < 3:
        raise AgainError
    return answers
