"""Writes docs/reference/configuration.md from the settings classes; with --check, says whether it is up to date."""

import importlib
import re
import sys
from collections.abc import Collection, Iterator
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, Union, cast, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.groups import CORE_GROUPS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "configuration.md"

#: The settings classes of the plugins in this repository, by their folders: they need not be installed.
PLUGIN_GROUPS = {
    "pynenc-redis": ("pynenc_redis.conf", "ConfigRedis"),
    "pynenc-rabbitmq": ("pynenc_rabbitmq.conf", "ConfigRabbitMq"),
}

INTRODUCTION = """\
# Configuration

<!-- Written by scripts/generate_config_reference.py from the settings classes. Change those, then run it again. -->

Every setting has a default, and its unit in its name or its description. A setting that does not exist, or a value of
a wrong type, is an error that names the place and the nearest valid name.

## Where values come from

From the weakest to the strongest:

1. the default,
2. the table `[tool.pynenc]` of the nearest `pyproject.toml`, from the working directory upwards,
3. code: `Pynenc({...})`, `PynencBuilder`, the options of `@app.task`,
4. a file named in code: `Pynenc(config_filepath="settings.yaml")` (TOML, YAML or JSON),
5. a file named in the environment, by `PYNENC__FILEPATH`, or by `PYNENC__<SECTION>__FILEPATH` for one section,
6. the environment,
7. assignment: `app.conf.lease_seconds = 60`.

Within one source the narrower statement wins: a task over all tasks, a section over its more general one, a section
over a value without section.

## How to write them

A value without a section is for every group below that has a setting of that name:

```toml
[tool.pynenc]
app_id = "shop"
max_threads = 4

[tool.pynenc.persistent_process_runner]
num_processes = 2

[tool.pynenc.task]
max_retries = 1

[tool.pynenc.task."shop.tasks.fetch"]
max_retries = 5
```

In the environment there are two underscores between the parts, and case does not count: `PYNENC__MAX_THREADS=4`,
`PYNENC__PERSISTENTPROCESSRUNNER__NUM_PROCESSES=2`. Lists are separated by commas, or written as JSON. The variable of a
task has a `#` before its function. Shells do not take that in the name of a variable, `env` does; where nothing does,
use a file:

```bash
env 'PYNENC__CONFIGTASK__SHOP.TASKS#FETCH__MAX_RETRIES=5' pynenc runner start
```

In a file that is nothing but settings the tables are called `[runner]`, `[task]` and so on, and values without a
section come first.
"""


def page() -> str:
    """Write the whole page."""
    lines = [INTRODUCTION, *(line for group in CORE_GROUPS for line in group_lines(group))]
    for plugin, group in plugin_groups():
        heading, empty, *rest = group_lines(group)
        lines += [heading, empty, f"Of the plugin [{plugin}](../../plugins/{plugin}/README.md).", *rest]
    return "\n".join(lines)


def plugin_groups() -> Iterator[tuple[str, type[ConfigPynencBase]]]:
    """Plugins with their settings classes, none of which imports the driver of its product."""
    for plugin, (module, name) in PLUGIN_GROUPS.items():
        sys.path.insert(0, str(ROOT / "plugins" / plugin))
        yield plugin, getattr(importlib.import_module(module), name)


def group_lines(group: type[ConfigPynencBase]) -> Iterator[str]:
    """Write the part about one group of settings."""
    own = {name: field for name, field in group.model_fields.items() if name in group.__annotations__}
    parent = group.__bases__[0]
    yield f"## `{table(group)}`"
    yield ""
    yield (group.__doc__ or "").strip().replace("``", "`")
    if own:
        yield ""
        yield "| setting | type | default | meaning |"
        yield "|---|---|---|---|"
        yield from (
            f"| `{name}` | {kind(field)} | {default(field)} | {cell(field.description)} |"
            for name, field in own.items()
        )
    if parent is not ConfigPynencBase and issubclass(parent, ConfigPynencBase):
        yield ""
        yield f"And those of `{table(parent)}`."
    yield ""


def table(group: type[ConfigPynencBase]) -> str:
    """Name the group's table in a ``pyproject.toml``."""
    if group is ConfigPynenc:
        return "[tool.pynenc]"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _one_word(group.__name__.removeprefix("Config")))
    return f"[tool.pynenc.{words.lower()}]"


def _one_word(name: str) -> str:
    return name.replace("SQLite", "Sqlite").replace("RabbitMq", "Rabbitmq")


def kind(field: FieldInfo) -> str:
    """Say what values a setting takes."""
    return type_name(field.annotation)


def type_name(annotation: object) -> str:
    """Say what values an annotation means."""
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(type_name(part) for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is Literal:
        return one_of(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return one_of(tuple(annotation))
    if get_origin(annotation) in (tuple, frozenset, list):
        return "list of secrets" if SecretStr in get_args(annotation) else "list of names"
    names = {bool: "yes or no", int: "whole number", float: "number", str: "text", SecretStr: "secret"}
    if annotation in names:
        return names[annotation]
    raise TypeError(f"{annotation!r} has no name for readers: give it one here.")


def one_of(values: tuple[object, ...]) -> str:
    """List the words that are allowed."""
    return ", ".join(f"`{value}`" for value in values)


def default(field: FieldInfo) -> str:
    """Write a default as TOML has it."""
    value: object = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        raise TypeError(f"{field!r} has no default: every setting has one.")
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str | SecretStr):
        return f'`"{value}"`'
    if isinstance(value, tuple | frozenset | list):
        names = cast("Collection[object]", value)
        return "`[" + ", ".join(f'"{name_of(name)}"' for name in names) + "]`"
    return f"`{value:_}`" if isinstance(value, int) else f"`{value:g}`"


def name_of(value: object) -> str:
    """Write an element of a list: a class by its name."""
    return value.__name__ if isinstance(value, type) else str(value)


def cell(text: str | None) -> str:
    """Make text fit into a cell of a table."""
    return (text or "").replace("|", "\\|")


def main() -> int:
    """Write the page, or tell by the exit code whether it is as it would be written."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{PAGE.relative_to(ROOT)} is not up to date: run scripts/generate_config_reference.py")
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
