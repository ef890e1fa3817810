"""The words for what is wrong with a setting."""

import difflib
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError

from pynenc.conf.secrets import mask


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with the nearest known name, or nothing when none is near."""
    nearest = difflib.get_close_matches(name.lower(), sorted(known), n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def explain(group: type[BaseModel], error: ValidationError, origins: Mapping[str, str], otherwise: str) -> str:
    """Say for each value that the checks of ``group`` refused where it was written, why, and what to do."""
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_context=False):
        reason = problem["msg"].removeprefix("Value error, ").rstrip(".")
        if not problem["loc"]:
            sources = ", ".join(sorted(set(origins.values()))) or otherwise
            lines.append(f"{reason} (the values come from: {sources}).")
            continue
        name = str(problem["loc"][0])
        field = group.model_fields.get(name)
        if field is None:
            lines.append(
                f"{otherwise}: {group.__name__} has no setting {name!r}.{did_you_mean(name, group.model_fields)}"
            )
            continue
        lines.append(
            f"{origins.get(name, otherwise)}: {name} cannot be {mask(name, problem['input'])!r}: {reason}. "
            f"What it means: {field.description}"
        )
    return "\n".join(lines)
