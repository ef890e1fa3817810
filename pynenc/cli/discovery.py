"""Which modules of a project make an application, as far as their text tells. Nothing is executed here."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: What makes an application or a builder when it is called, by its name in ``pynenc``.
_APP, _BUILDER = "Pynenc", "PynencBuilder"

#: Never the application of a project, though tests are full of them.
_LEFT_OUT = frozenset({"setup", "conftest", "test", "tests", "docs", "build", "dist", "node_modules"})

#: Files that are looked at. More than that is no project but a home directory.
MAX_FILES = 5000


class Candidate(NamedTuple):
    """A module-level variable to which an application is assigned."""

    module: str
    variable: str
    #: The folder that must be on the import path.
    root: Path

    @property
    def spec(self) -> str:
        """What to write after ``--app``."""
        return f"{self.module}:{self.variable}"


def discover(folder: Path) -> list[Candidate]:
    """The applications of the modules and packages in ``folder`` and in ``folder/src``."""
    found: list[Candidate] = []
    for number, (module, path, root) in enumerate(_modules(folder)):
        if number >= MAX_FILES:
            break
        found += [Candidate(module, variable, root) for variable in assigned_apps(path)]
    return found


def _modules(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    for root in (folder, folder / "src"):
        if root.is_dir():
            yield from ((module, path, root) for module, path in _below(root, ""))


def _below(folder: Path, package: str) -> Iterator[tuple[str, Path]]:
    """The modules of a folder, and those of its packages: a folder without ``__init__.py`` is none."""
    for path in sorted(folder.iterdir()):
        name = path.stem if path.suffix == ".py" else path.name
        if not name.isidentifier() or name in _LEFT_OUT or name.startswith(("_", "test_")):
            if not (name == "__init__" and package):
                continue
            name = ""
        dotted = ".".join(filter(None, (package, name)))
        if path.suffix == ".py":
            yield dotted, path
        elif (path / "__init__.py").is_file():
            yield from _below(path, dotted)


def assigned_apps(path: Path) -> list[str]:
    """The public module-level variables of a file to which an application is assigned."""
    try:
        source = path.read_bytes()
        # Nearly all files end here: parsing takes a hundred times as long as this.
        tree = ast.parse(source) if b"ynenc" in source else ast.Module([], [])
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    return _Reader().read(tree.body)


class _Reader:
    """Reads the statements of a module in order, and follows the names of ours."""

    def __init__(self) -> None:
        #: Names in the module that mean our package, our class, our builder class.
        self._packages: set[str] = set()
        self._classes: dict[str, str] = {}
        #: Variables that hold a builder.
        self._builders: set[str] = set()

    def read(self, statements: list[ast.stmt]) -> list[str]:
        apps: list[str] = []
        for statement in statements:
            match statement:
                case ast.Import():
                    self._packages |= {alias.asname or "pynenc" for alias in statement.names if alias.name == "pynenc"}
                case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "pynenc":
                    self._classes |= {alias.asname or alias.name: alias.name for alias in statement.names}
                case ast.Assign(targets=targets, value=value):
                    apps += self._assigned(targets, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    apps += self._assigned([target], value)
                case ast.If() | ast.With() | ast.Try():
                    for part in ("body", "orelse", "handlers", "finalbody"):
                        inner = getattr(statement, part, [])
                        apps += self.read([s for each in inner for s in getattr(each, "body", [each])])
                case _:
                    pass
        return list(dict.fromkeys(apps))

    def _assigned(self, targets: list[ast.expr], value: ast.expr) -> list[str]:
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        match self._made_by(value):
            case "Pynenc":
                return [name for name in names if not name.startswith("_")]
            case "PynencBuilder":
                self._builders |= set(names)
            case _:
                pass
        return []

    def _made_by(self, value: ast.expr) -> str | None:
        """Which of our classes the value is an instance of: ``Pynenc()``, ``PynencBuilder().x()``, its ``.build()``."""
        match value:
            case ast.Name(id=name) if name in self._builders:
                return _BUILDER
            case ast.Call(func=ast.Name(id=name)):
                return self._classes.get(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=package), attr=name)) if package in self._packages:
                return name
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if self._made_by(inner) == _BUILDER:
                return _APP if method == "build" else _BUILDER
            case _:
                return None
