"""What type checkers say about users' code."""

import subprocess
import sys
from pathlib import Path

import pytest

USER_CODE = Path(__file__).with_name("user_code.py")
ROOT = Path(__file__).parents[2]

CHECKERS = {
    # An empty configuration: what a user has who asks for strictness and nothing else.
    "mypy": ("mypy", "--strict", "--config-file=", "--follow-imports=silent"),
    "pyright": ("pyright", "--pythonpath", sys.executable),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_user_code(checker):
    ran = subprocess.run(
        (sys.executable, "-m", *CHECKERS[checker], USER_CODE), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
