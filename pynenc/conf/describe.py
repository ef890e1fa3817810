"""Showing settings to a person: each value with its origin and its meaning, secrets hidden."""

from typing import NamedTuple

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.secrets import mask


class SettingRow(NamedTuple):
    """One setting as it is shown."""

    field: str
    value: object
    origin: str
    description: str


def describe(config: ConfigPynencBase) -> list[SettingRow]:
    """A row for each field of ``config``, in the order of their declaration."""
    return [
        SettingRow(name, mask(name, getattr(config, name)), config.origin_of(name), field.description or "")
        for name, field in type(config).model_fields.items()
    ]
