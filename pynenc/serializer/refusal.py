"""How a serializer says no."""

#: Enough of a value to recognise it, little enough for a log line.
_REPR_CHARACTERS = 200


def type_name(value: object) -> str:
    """``module.Class`` of a value; builtin types by their bare name."""
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def refusal(value: object, reason: str, advice: str) -> TypeError:
    """The error for a value that cannot be represented."""
    try:
        shown = repr(value)[:_REPR_CHARACTERS]
    except Exception as error:  # noqa: BLE001 - user code: the value's own __repr__
        shown = f"<its repr() raised {type(error).__name__}>"
    return TypeError(f"Cannot serialize {type_name(value)} {shown}: {reason}. {advice}")


def too_deep(value: object) -> ValueError:
    """The error for a value whose nesting exceeds what Python can follow."""
    return ValueError(
        f"Cannot serialize {type_name(value)}: it is nested too deeply, or contains itself. "
        "Pass the data in a flatter form, for instance a list of records that refer to one another by id."
    )


def too_deep_to_read() -> ValueError:
    """The error for text whose nesting exceeds what Python can follow."""
    return ValueError("Cannot read serialized text: it is nested too deeply. Store the data in a flatter form.")
