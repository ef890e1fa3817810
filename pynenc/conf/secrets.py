"""Hiding secrets in what is shown: settings, error messages, logs, descriptions of an app."""

import re
from collections.abc import Mapping
from typing import cast

#: What stands in place of a secret.
MASK = "***"

_SECRET_NAME = re.compile(r"password|passwd|secret|token|signing_keys", re.IGNORECASE)

#: Up to the last ``@``: a password may contain ``@`` or ``/``, and hiding too much is the better mistake.
_PASSWORD_IN_URL = re.compile(r"(?P<head>\w[\w+.-]*://[^\s:/@]*):\S*@")
#: ``?password=…`` in a URL, ``password=…`` in a connection string.
_SECRET_BY_NAME = re.compile(r"(?P<head>(?:password|passwd|secret|token)\w*\s*=\s*)[^&;\s]*", re.IGNORECASE)


def mask(name: str, value: object) -> object:
    """Give ``value`` back without secrets: those of fields so named, and those inside URLs at any depth."""
    if _SECRET_NAME.search(name):
        return MASK if value else value
    if isinstance(value, str):
        return _SECRET_BY_NAME.sub(rf"\g<head>{MASK}", _PASSWORD_IN_URL.sub(rf"\g<head>:{MASK}@", value))
    if isinstance(value, Mapping):
        return mask_values(cast("Mapping[str, object]", value))
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(name, item) for item in cast("list[object]", value)]
    return value


def mask_values(values: Mapping[str, object]) -> dict[str, object]:
    """``mask`` for each value of a mapping, sections included."""
    return {name: mask(name, value) for name, value in values.items()}
