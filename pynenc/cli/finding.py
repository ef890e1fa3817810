"""Finding the application: named by ``--app``, ``PYNENC_APP`` or ``pyproject.toml``, or discovered."""

import difflib
import os
import tomllib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import click

from pynenc.app import Pynenc
from pynenc.builder import PynencBuilder
from pynenc.cli.discovery import discover
from pynenc.cli.errors import AppNotLoadableError
from pynenc.cli.options import choices_of
from pynenc.cli.user_code import has_module, import_file, import_module, put_on_path, user_traceback
from pynenc.conf.project import find_pyproject

HELP = """Name it in one of these forms:
  pynenc --app=package.module.attr ...
  pynenc --app=package.module:attr ...
  pynenc --app=path/to/file.py[:attr] ...
or set PYNENC_APP, or app = "package.module:attr" in [tool.pynenc] of pyproject.toml."""


class Found(NamedTuple):
    """An application, and what to call it in messages."""

    app: Pynenc
    label: str


def chosen_app(ctx: click.Context) -> Found:
    """The application that the options name, or the one that is found.

    Raises:
        AppNotLoadableError: there is none, there are several, or its module cannot be imported.
    """
    return find_app(choices_of(ctx).app)


def readable_app(ctx: click.Context) -> Found:
    """As ``chosen_app``, for commands that only look: settings that name an ``app_id`` will do where there is no code.

    Raises:
        AppNotLoadableError: as ``chosen_app``.
    """
    try:
        return chosen_app(ctx)
    except _NothingHereError:
        app = Pynenc()
        if app.conf.origin_of("app_id") == "default":
            raise
        click.echo(f"No code found here; reading what the settings name: app_id {app.app_id!r}.", err=True)
        return Found(app, f"settings app_id={app.app_id}")


class _NothingHereError(AppNotLoadableError):
    """Nothing names an application, and the folder has none."""


def find_app(spec: str | None) -> Found:
    """The application of this specification; without one the first that the environment, the project, the folder has.

    Raises:
        AppNotLoadableError: there is none, there are several, or its module cannot be imported.
    """
    here = Path.cwd()
    pyproject = find_pyproject(here)
    project = pyproject.parent if pyproject else here
    # The working directory comes first, for the script as for ``python -m``.
    for root in dict.fromkeys((project / "src", project, here / "src", here)):
        if root.is_dir():
            put_on_path(root)
    chosen = spec or os.environ.get("PYNENC_APP") or (_setting(pyproject) if pyproject else None)
    if chosen:
        return Found(_load(chosen), chosen)
    app = _load(_discovered(here))
    return Found(app, f"auto-discovered app_id={app.app_id}")


def _setting(pyproject: Path) -> str | None:
    try:
        table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        return None  # the settings report it with more words
    app = table.get("tool", {}).get("pynenc", {}).get("app")
    return app if isinstance(app, str) else None


def _discovered(folder: Path) -> str:
    found = discover(folder)
    if not found:
        raise _NothingHereError(f"No Pynenc() instance found in {folder}.\n{HELP}")
    if len({candidate.module for candidate in found}) == 1 and "app" in {candidate.variable for candidate in found}:
        found = [candidate for candidate in found if candidate.variable == "app"]
    if len(found) > 1:
        raise AppNotLoadableError(_choose_one(f"{folder} has several apps", [candidate.spec for candidate in found]))
    put_on_path(found[0].root)
    return found[0].spec


# ---------------------------------------------------------------------- a specification


def _load(spec: str) -> Pynenc:
    """``package.module.attr``, ``package.module:attr``, ``path/to/file.py:attr``; each without attribute, too."""
    location, _, attribute = spec.partition(":")
    if location.endswith(".py") or os.sep in location or "/" in location:
        return _take(import_file(Path(location)), attribute)
    if attribute:
        if not has_module(location):
            raise AppNotLoadableError(_no_module(location))
        return _take(import_module(location), attribute)
    module, attribute = _longest_module(location)
    return _take(import_module(module), attribute)


def _longest_module(dotted: str) -> tuple[str, str]:
    """The module that a dotted name begins with, and the attribute path that is left."""
    parts = dotted.split(".")
    count = 0
    while count < len(parts) and has_module(".".join(parts[: count + 1])):
        count += 1
    if not count:
        raise AppNotLoadableError(_no_module(parts[0]))
    return ".".join(parts[:count]), ".".join(parts[count:])


def _no_module(name: str) -> str:
    return f"there is no module {name!r} in {Path.cwd()} or on the Python path.\n{HELP}"


def _take(module: ModuleType, attribute: str) -> Pynenc:
    """The application that an attribute path names, or the only one of a module."""
    apps = {name: value for name, value in vars(module).items() if isinstance(value, Pynenc) and name[0] != "_"}
    if attribute:
        return _named(module, attribute, apps)
    if not apps:
        raise AppNotLoadableError(f"No Pynenc() instance found in {module.__name__}.\n{HELP}")
    distinct = {id(value): name for name, value in reversed(apps.items())}
    if "app" not in apps and len(distinct) > 1:
        specs = [f"{module.__name__}:{name}" for name in sorted(distinct.values())]
        raise AppNotLoadableError(_choose_one(f"{module.__name__} has several apps", specs))
    return apps.get("app") or next(iter(apps.values()))


def _named(module: ModuleType, attribute: str, apps: dict[str, Pynenc]) -> Pynenc:
    value: object = module
    for name in attribute.removesuffix("()").split("."):
        value = getattr(value, name, None)
    if attribute.endswith("()") and callable(value):
        try:
            value = value()
        except (Exception, SystemExit) as error:
            message = f"calling {module.__name__}:{attribute} failed.\n{user_traceback(error)}"
            raise AppNotLoadableError(message) from error
    if isinstance(value, Pynenc):
        return value
    if isinstance(value, PynencBuilder):
        raise AppNotLoadableError(f"{module.__name__}:{attribute} is a builder, not an app. Call its build() method.")
    close = difflib.get_close_matches(attribute, apps, n=3) or sorted(apps)
    what = "has no" if value is None else f"has, with type {type(value).__name__}, no app called"
    hint = f"; did you mean: {', '.join(close)}" if close else "; it has no Pynenc() instance at all"
    raise AppNotLoadableError(f"{module.__name__} {what} {attribute!r}{hint}")


def _choose_one(what: str, specs: list[str]) -> str:
    return "\n".join([f"{what}; choose one of", *(f"  --app={spec}" for spec in specs)])
