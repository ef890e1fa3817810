"""How an application gets into a child process: a frozen description, and a slot for the parent's settings.

A child imports the user's module, whose ``Pynenc(...)`` runs again there and might come to other settings (a
temporary path computed at import, a changed file). So before the import the parent's settings are put into a
slot, and an application made with the same id, or found under the same variable, takes them. This is the one
exception to design law 8; the slot exists in child processes only.
"""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pynenc.conf.config_pynenc import ConfigPynenc, PayloadSigningMode
from pynenc.conf.settings import Settings, SettingsSnapshot, without_signing_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDescription:
    """What a child process needs to rebuild an application."""

    app_id: str
    settings: SettingsSnapshot
    #: ``module:class`` of the application; named by the composition root, which this
    #: module does not know.
    factory: str
    #: Where the application is bound: pairs of module and variable, of all imported modules.
    places: tuple[tuple[str, str], ...]
    #: Modules with tasks of this application.
    task_modules: tuple[str, ...]


_slot: AppDescription | None = None


def describe(app: Any, *, for_child: bool = True) -> AppDescription:
    """Freeze an application; for others than its own child processes without its signing keys."""
    settings: SettingsSnapshot = app.settings.snapshot()
    if not for_child:
        conf: ConfigPynenc = app.conf
        mode = (conf.payload_signing_mode or PayloadSigningMode.REQUIRED) if conf.payload_signing_keys else None
        settings = without_signing_keys(settings, mode)
    return AppDescription(
        app_id=app.app_id,
        factory=f"{type(app).__module__}:{type(app).__qualname__}",
        settings=settings,
        places=tuple(find_variables(app)),
        task_modules=tuple(sorted({task_id.module for task_id in app.tasks})),
    )


def find_variables(app: Any) -> Iterator[tuple[str, str]]:
    """Module and name of the module-level variables that hold the application."""
    for name, module in list(sys.modules.items()):
        if name == "__main__":
            continue
        for variable, value in list(getattr(module, "__dict__", {}).items()):
            if value is app and not variable.startswith("_"):
                yield name, variable


def offer(app: Any) -> None:
    """A new application: if it is the one this child process was made for, it takes the parent's settings."""
    if _slot is None:
        return
    mine = _slot
    if app.config_values.get("app_id", mine.app_id) != mine.app_id:
        return
    if "app_id" not in app.config_values and app.settings.build(ConfigPynenc).app_id != mine.app_id:
        return
    app.use_settings(Settings.from_snapshot(mine.settings))


def adopt(description: AppDescription) -> None:
    """Make this process a child that was started for this application."""
    global _slot  # noqa: PLW0603 - the bootstrap slot; see the module's docstring
    _slot = description


def restore(description: AppDescription) -> Any:
    """The application of a description: the one its module has, or a new one with its settings."""
    factory_module, _, name = description.factory.partition(":")
    factory = getattr(importlib.import_module(factory_module), name)
    for module, variable in description.places:
        found: Any = getattr(importlib.import_module(module), variable, None)
        if isinstance(found, factory) and found.app_id == description.app_id:
            return found
    app = factory({"app_id": description.app_id})
    app.use_settings(Settings.from_snapshot(description.settings))
    for name in description.task_modules:
        importlib.import_module(name)
    # The parent had put it in the place of the one that these modules make, as tests do: so it stands here.
    for module, variable in description.places:
        if module in sys.modules:
            setattr(sys.modules[module], variable, app)
    return app
