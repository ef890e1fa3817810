"""Importing a user's module: by its dotted name, so that workers find the same one; its errors are shown as theirs."""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pynenc.cli
from pynenc.cli.errors import AppNotLoadableError

#: Our own frames say nothing to somebody whose module cannot be imported.
_OUR_FOLDER = str(Path(pynenc.cli.__file__).parents[1])
#: The machinery of ``import``: frozen in the interpreter, but for the part that is a file.
_IMPORT_MACHINERY = ("<frozen ", importlib.__file__)


def import_module(name: str) -> ModuleType:
    """The module of that dotted name.

    Raises:
        AppNotLoadableError: it cannot be imported; the text has the traceback of the user's own code.
    """
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise AppNotLoadableError(f"importing {name!r} failed.\n{user_traceback(error)}") from error


def import_file(path: Path) -> ModuleType:
    """The module in a file, or the package in a folder, imported by its dotted name so that relative imports work.

    Raises:
        AppNotLoadableError: there is no such file, its name is taken, or it cannot be imported.
    """
    path = path.resolve()
    source = path / "__init__.py" if path.is_dir() else path
    if not source.is_file():
        raise AppNotLoadableError(f"File not found: {source}")
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    put_on_path(folder)
    name = ".".join(parts)
    module = import_module(name)
    if Path(module.__file__ or "").resolve() != source:
        raise AppNotLoadableError(
            f"{source} cannot be imported as {name!r}, for that is {module.__file__ or 'a built-in module'}. "
            "Rename the file, or move it into a package."
        )
    return module


def has_module(name: str) -> bool:
    """Whether there is such a module; imports its parents, and no more.

    Raises:
        AppNotLoadableError: a parent cannot be imported.
    """
    parent, _, _ = name.rpartition(".")
    if parent and (not has_module(parent) or not hasattr(import_module(parent), "__path__")):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module in sys.modules that was made by hand
        return name in sys.modules


def put_on_path(folder: Path) -> None:
    """Look into ``folder`` first when modules are imported, as ``python -m`` does in the working directory."""
    text = str(folder)
    if text in sys.path:
        sys.path.remove(text)
    sys.path.insert(0, text)


def user_traceback(error: BaseException) -> str:
    """The traceback without our frames and without those of the import machinery."""
    described = traceback.TracebackException.from_exception(error)
    todo = [described]
    while todo:
        each = todo.pop()
        each.stack = traceback.StackSummary.from_list([frame for frame in each.stack if _is_users(frame)])
        todo += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
    return "".join(described.format()).rstrip()


def _is_users(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith((_OUR_FOLDER, *_IMPORT_MACHINERY))
