"""Keeps files, functions and classes small enough to be read in one go.

Prints the largest of each kind, fails on whatever exceeds its limit without an exemption, and on exemptions that
nothing needs any more.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: What ships. Tests are lists of examples, and a list may be long.
MEASURED = ("pynenc", "pynmon", "plugins", "scripts", "benchmarks")

#: How many of the largest of each kind are shown.
SHOWN = 5


class Kind(StrEnum):
    """What is measured, in the unit of its limit."""

    FILE = "lines in a file"
    FUNCTION = "lines in a function, docstring apart"
    CLASS = "public methods in a class"


#: A larger file holds a second thing, a larger function fits on no screen, a larger class has two kinds of users.
LIMITS = {Kind.FILE: 400, Kind.FUNCTION: 60, Kind.CLASS: 15}

#: What may exceed its limit, and why: "path" or "path::qualified.name" -> reason.
EXEMPTIONS = {
    "pynenc/app.py::Pynenc": "What users hold: its methods are the public interface.",
    "pynenc/engine/events.py::Events": "A catalogue: one method of one statement for each event.",
    "pynenc/task.py::Task": "What users hold, like the app.",
    "pynenc/invocation/dist_invocation.py::DistributedInvocation": "What users hold, like the app.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One file, function or class with its size."""

    kind: Kind
    name: str
    size: int

    @property
    def too_large(self) -> bool:
        """Whether it exceeds the limit of its kind."""
        return self.size > LIMITS[self.kind]


AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def measure_file(path: Path) -> Iterator[Measured]:
    """Measure a Python file and everything defined in it."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    yield Measured(kind=Kind.FILE, name=name, size=len(text.splitlines()))
    yield from measure_definitions(ast.parse(text, filename=name), f"{name}::")


def measure_definitions(parent: ast.AST, prefix: str) -> Iterator[Measured]:
    """Measure the functions and classes below a node, nested ones too."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, AnyFunction):
            yield Measured(kind=Kind.FUNCTION, name=prefix + node.name, size=lines_of_function(node))
        elif isinstance(node, ast.ClassDef):
            yield Measured(kind=Kind.CLASS, name=prefix + node.name, size=public_methods_of_class(node))
        inner = f"{prefix}{node.name}." if isinstance(node, AnyFunction | ast.ClassDef) else prefix
        yield from measure_definitions(node, inner)


def lines_of_function(node: AnyFunction) -> int:
    """Count from `def` to the last line, the docstring apart."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        docstring = node.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def public_methods_of_class(node: ast.ClassDef) -> int:
    """Count names, so that overloads and the setter of a property count once."""
    methods = {child.name for child in node.body if isinstance(child, AnyFunction)}
    return sum(not name.startswith("_") for name in methods)


def main() -> int:
    """Measure everything, print what stands out, and tell by the exit code whether all is within its limits."""
    paths = sorted(path for folder in MEASURED for path in (ROOT / folder).rglob("*.py"))
    measured = [each for path in paths for each in measure_file(path)]
    for kind in Kind:
        print(f"{kind} (at most {LIMITS[kind]}):")
        largest = sorted((each for each in measured if each.kind is kind), key=lambda each: -each.size)
        for each in largest[:SHOWN]:
            print(f"  {each.size:5} {each.name}")

    offenders = [each for each in measured if each.too_large and each.name not in EXEMPTIONS]
    unneeded = EXEMPTIONS.keys() - {each.name for each in measured if each.too_large}
    for each in offenders:
        print(f"too large: {each.name} has {each.size} {each.kind}, the limit is {LIMITS[each.kind]}")
    for name in sorted(unneeded):
        print(f"exemption not needed: {name}")
    return 1 if offenders or unneeded else 0


if __name__ == "__main__":
    sys.exit(main())
