"""What commands print: data on stdout, as a table or as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as what is in them; nothing is cut."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max([len(heading), *(len(row[i]) for row in texts)]) for i, heading in enumerate(headings)]
    click.echo("  ".join(h.upper().ljust(w) for h, w in zip(headings, widths, strict=True)).rstrip())
    for row in texts:
        click.echo("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


def print_fields(fields: Mapping[str, object]) -> None:
    """A name and its value on each line."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        click.echo(f"{name.ljust(width)}  {_text(value)}")


def _text(value: object) -> str:
    return "-" if value is None or value == "" else str(value)


def moment(seconds: float | None) -> str | None:
    """A time of the store as people read it (UTC)."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float | None) -> str | None:
    """A duration with the unit that suits it."""
    if seconds is None:
        return None
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 120:  # noqa: PLR2004 - two minutes: beyond, minutes read better
        return f"{seconds:.2f} s"
    return f"{seconds / 60:.1f} min"
