"""The pages of the documentation as transcripts: their marked blocks are files, programs, and what those print."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.seeds.program_folder import PYNENC, ProgramFolder

ROOT = Path(__file__).parents[2]

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: A block of code, with the comment right above it, if there is one.
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code of a page."""

    #: ``file: NAME``, ``run``, ``runner``, ``prints``, ``sketch``, or nothing.
    mark: str
    language: str
    code: str


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(mark=found["mark"] or "", language=found["language"], code=found["code"])


class Transcript:
    """Goes through a page as its reader would."""

    def __init__(self, folder: ProgramFolder) -> None:
        self._folder = folder
        self._printed = ""

    def follow(self, page: Path) -> None:
        """Do what the page says, from its start to its end."""
        with ExitStack() as runners:
            for block in blocks(page):
                kind, _, name = block.mark.partition(": ")
                match kind:
                    case "file":
                        self._write(name, block.code)
                    case "runner":
                        runners.enter_context(self._folder.runner(block.code.strip()))
                    case "run" if block.language == "python":
                        program = self._folder.write("typed_along.py", block.code)
                        self._printed = self._folder.run(program.name).output
                    case "run":
                        for line in block.code.splitlines():
                            self._command(*line.split())
                    case "prints":
                        assert self._printed == block.code, f"{page.name}: {block.code}"
                    case "sketch" | "":
                        pass
                    case _:
                        raise AssertionError(f"{page.name}: nobody knows what {block.mark!r} means")

    def _write(self, name: str, code: str) -> None:
        path = self._folder.write(name, code)
        if path.suffix == ".py":
            self._folder.run("-c", f"import {path.stem}")

    def _command(self, program: str, *arguments: str) -> None:
        if program == "python":
            self._printed = self._folder.run(*arguments).output
        else:
            assert program == "pynenc"
            self._printed = self._folder.run(*PYNENC[1:], *arguments).output


def marked(page: Path) -> bool:
    """Whether there is anything to do on a page."""
    return any(block.mark not in ("", "sketch") for block in blocks(page))


__all__ = ["PAGES", "ROOT", "Block", "Transcript", "blocks", "marked"]
