"""Finding the application: named by ``--app``, ``PYNENC_APP`` or ``pyproject.toml``, or discovered.

Discovery reads source text only: a file is executed when it is the one that was chosen, never to look into it.
"""

import ast
import difflib
import importlib
import importlib.util
import os
import sys
import tomllib
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from pynenc.app import Pynenc
from pynenc.cli.errors import CommandError
from pynenc.conf.project import find_pyproject

#: Names that make an application when they are called, as far as the text of a module tells.
_MAKERS = frozenset({"Pynenc", "PynencBuilder"})
_LEFT_OUT = frozenset({"setup.py", "conftest.py"})

HELP = """Name it in one of these forms:
  pynenc --app=package.module.attr ...
  pynenc --app=package.module:attr ...
  pynenc --app=path/to/file.py ...
or set PYNENC_APP, or app = "package.module:attr" in [tool.pynenc] of pyproject.toml."""


def find_app(spec: str | None) -> tuple[Pynenc, str]:
    """The application, and what to call it in messages.

    Raises:
        CommandError: there is none, there are several, or its module cannot be imported.
    """
    _prepare_path()
    chosen = spec or os.environ.get("PYNENC_APP") or _from_pyproject()
    if chosen:
        return _load(chosen), chosen
    found = _discover()
    app = _load(found)
    return app, f"auto-discovered app_id={app.app_id}"


def _prepare_path() -> None:
    """The working directory and its ``src`` come first, for the script as for ``python -m``."""
    for folder in (Path.cwd() / "src", Path.cwd()):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def _from_pyproject() -> str | None:
    path = find_pyproject(Path.cwd())
    if path is None:
        return None
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return None  # the settings report it with more words
    app = table.get("tool", {}).get("pynenc", {}).get("app")
    return app if isinstance(app, str) else None


def _load(spec: str) -> Pynenc:
    location, _, attribute = spec.partition(":")
    if os.sep in location or location.endswith(".py"):
        return _choose(_load_file(location), attribute or None, spec)
    if attribute:
        return _choose(_import(location), attribute, spec)
    if _importable(location):
        return _choose(_import(location), None, spec)
    module, _, last = location.rpartition(".")
    if module and _importable(module):
        return _choose(_import(module), last, spec)
    raise CommandError(
        f"Failed to load application: there is no module {location!r}"
        + (f", nor {module!r}" if module else "")
        + f", in {Path.cwd()} or on the Python path.\n{HELP}"
    )


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise _import_failed(name, error) from error


def _load_file(text: str) -> ModuleType:
    path = Path(text if text.endswith(".py") else text + ".py").resolve()
    if not path.is_file():
        raise CommandError(f"Failed to load application: File not found: {path}\n{HELP}")
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    # By its dotted name: relative imports work, and workers find the same module.
    return _import(".".join(parts))


def _import_failed(name: str, error: BaseException) -> CommandError:
    """The user's own traceback, from the first frame that is theirs."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and not frame.filename.startswith(str(Path(__file__).parent))
    ]
    trace = "".join(traceback.format_list(frames))
    last = "".join(traceback.format_exception_only(error)).rstrip()
    return CommandError(f"Failed to load application: importing {name!r} failed.\n{trace}{last}")


def _choose(module: ModuleType, attribute: str | None, spec: str) -> Pynenc:
    apps = {name: value for name, value in vars(module).items() if isinstance(value, Pynenc) and name[0] != "_"}
    if attribute is not None:
        value = getattr(module, attribute.removesuffix("()"), None)
        if attribute.endswith("()") and callable(value):
            value = value()
        if isinstance(value, Pynenc):
            return value
        close = difflib.get_close_matches(attribute, apps, n=3, cutoff=0.0) or sorted(apps)
        hint = f"; did you mean: {', '.join(close)}" if close else "; it has no Pynenc() instance at all"
        raise CommandError(f"Failed to load application: {module.__name__} has no app {attribute!r}{hint}")
    if "app" in apps:
        return apps["app"]
    distinct = {id(value): name for name, value in apps.items()}
    if len(distinct) == 1:
        return apps[next(iter(distinct.values()))]
    if not apps:
        raise CommandError(f"Failed to load application: No Pynenc() instance found in {spec}.\n{HELP}")
    lines = "\n".join(f"  --app={module.__name__}:{name}" for name in sorted(distinct.values()))
    raise CommandError(f"Failed to load application: {spec} has several apps; choose one of\n{lines}")


# ---------------------------------------------------------------------- discovery


def _discover() -> str:
    """``module:variable`` of the only application below the working directory, found by reading source text."""
    found = [f"{module}:{name}" for module, path in _sources() for name in _assigned_apps(path)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"Failed to load application: No Pynenc() instance found in {Path.cwd()}.\n{HELP}")
    lines = "\n".join(f"  --app={each}" for each in found)
    raise CommandError(f"Failed to load application: there are several apps here; choose one of\n{lines}")


def _sources() -> list[tuple[str, Path]]:
    """Top-level modules, and those one level into packages; of the working directory and its ``src``."""
    sources: list[tuple[str, Path]] = []
    for root in (Path.cwd(), Path.cwd() / "src"):
        if not root.is_dir():
            continue
        for path in sorted(root.glob("*.py")):
            if path.name not in _LEFT_OUT and not path.name.startswith("_"):
                sources.append((path.stem, path))
        for package in sorted(root.glob("*/__init__.py")):
            name = package.parent.name
            sources += [
                (name if path.name == "__init__.py" else f"{name}.{path.stem}", path)
                for path in sorted(package.parent.glob("*.py"))
            ]
    return sources


def _assigned_apps(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
        if "Pynenc" not in text:
            return []
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return []
    names: list[str] = []
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        if targets and value is not None and _makes_app(value):
            names += [target.id for target in targets if isinstance(target, ast.Name) and target.id[0] != "_"]
    return names


def _makes_app(value: ast.expr) -> bool:
    """``Pynenc(...)``, ``pynenc.Pynenc(...)`` or ``PynencBuilder()....build()``."""
    node: ast.expr = value
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            if node.attr in _MAKERS:
                return True
            node = node.value
        else:
            return isinstance(node, ast.Name) and node.id in _MAKERS


def describe_app(app: Any) -> str:
    """The application in a few words."""
    return f"{app.app_id} ({app.assembled.backend.location})"
