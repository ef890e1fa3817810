"""Reading settings from files: TOML, YAML, JSON, and the table ``[tool.pynenc]`` of a ``pyproject.toml``."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pynenc.conf.project import PYPROJECT
from pynenc.exceptions import ConfigError

#: Where the settings stand in a ``pyproject.toml``.
PYPROJECT_TABLE = "tool.pynenc"

#: All ways in which TOML can begin that table. Most such files have none: then the parser (40 ms) is not needed.
_MAY_HOLD_OUR_TABLE = re.compile(rb"""^\s*\[?\s*["']?tool["']?\s*(\.\s*["']?pynenc["']?|\]|=)""", re.MULTILINE)

FORMATS = (".toml", ".yaml", ".yml", ".json")


def read_file(path: Path, named_by: str) -> Mapping[str, object]:
    """The settings in the file ``path``; an empty file has none.

    Raises:
        ConfigError: the file is missing, cannot be read, or is of no known format. ``named_by`` says who asked for it.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"{named_by}: {path} is no settings file: unexpected file extension {path.suffix!r}. "
            f"Use one of {', '.join(FORMATS)}."
        )
    if not path.is_file():
        raise ConfigError(f"{named_by}: the settings file {path} does not exist. Correct the path, or remove it.")
    values = _parse(path, named_by)
    if path.name.endswith(PYPROJECT):
        values = _table(values, path)
    return values


def read_pyproject(path: Path) -> Mapping[str, object]:
    """The table ``[tool.pynenc]`` of a ``pyproject.toml``, empty when it has none."""
    try:
        if not _MAY_HOLD_OUR_TABLE.search(path.read_bytes()):
            return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}. Settings are looked for in it; make it readable.") from None
    return read_file(path, PYPROJECT)


def _parse(path: Path, named_by: str) -> Mapping[str, object]:
    # These cost 40 ms and 6 MB; a worker process, which gets a snapshot, and an app without settings files never pay.
    import tomllib  # noqa: PLC0415

    import yaml  # noqa: PLC0415
    from pydantic_settings import (  # noqa: PLC0415
        BaseSettings,
        JsonConfigSettingsSource,
        TomlConfigSettingsSource,
        YamlConfigSettingsSource,
    )

    try:
        match path.suffix.lower():
            case ".toml":
                return TomlConfigSettingsSource(BaseSettings, toml_file=path).toml_data
            case ".json":
                return JsonConfigSettingsSource(BaseSettings, json_file=path).json_data
            case _:
                return YamlConfigSettingsSource(BaseSettings, yaml_file=path).yaml_data
    except (OSError, UnicodeError, json.JSONDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{named_by}: the settings file {path} cannot be read: {error}. Correct the file.") from None
    except (AttributeError, TypeError, ValueError):
        raise ConfigError(f"{named_by}: the settings file {path} holds no table of names and values.") from None


def _table(values: Mapping[str, object], path: Path) -> Mapping[str, object]:
    tool = values.get("tool", {})
    table: object = cast("Mapping[str, object]", tool).get("pynenc", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(table, Mapping):
        raise ConfigError(f"{path}: tool.pynenc is not a table. Write [{PYPROJECT_TABLE}], and name = value below it.")
    return cast("Mapping[str, object]", table)
