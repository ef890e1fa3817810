"""Snippets by name, and folders to run them in."""

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.seeds.program_folder import ProgramFolder

SNIPPETS = Path(__file__).parent / "snippets"
BLOCK = re.compile(r"<!-- (snippet|later): ([\w-]+)(?:: (.*?))? -->\n```\w+\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="session")
def snippets() -> dict[str, str]:
    """The code of the founding documents, by name."""
    found: dict[str, str] = {}
    for page in sorted(SNIPPETS.glob("*.md")):
        for kind, name, _, code in BLOCK.findall(page.read_text(encoding="utf-8")):
            assert name not in found, f"two snippets are called {name}"
            if kind == "snippet":
                found[name] = dedent(code)
    return found


@pytest.fixture
def snippet(snippets: dict[str, str]) -> Callable[[str], str]:
    return snippets.__getitem__


@pytest.fixture
def folder(tmp_path: Path) -> ProgramFolder:
    return ProgramFolder(tmp_path / "project")
