"""Choosing what people see: log lines, and arguments in them."""

from typing import Self

from pynenc.conf.choices.choices import Choices
from pynenc.conf.config_pynenc import ArgumentPrintMode, LogFormat

LOGGING_LEVELS = ("debug", "info", "warning", "error", "critical")
LOG_STREAMS = ("stderr", "stdout")


class DisplayChoices(Choices):
    """Builder methods for logging and the printing of arguments."""

    def logging(
        self,
        level: str | None = None,
        *,
        stream: str | None = None,
        colors: bool | None = None,
        fmt: str | LogFormat | None = None,
    ) -> Self:
        """Choose several things about logging at once; what is None stays as it is."""
        if level is not None:
            self.logging_level(level)
        if stream is not None:
            self.logging_stream(stream)
        if colors is not None:
            self.logging_colors(colors)
        if fmt is not None:
            self.logging_format(fmt)
        return self

    def logging_level(self, level: str) -> Self:
        """Choose the lowest level that is logged."""
        return self.custom_config(logging_level=_one_of(LOGGING_LEVELS, level, "logging level"))

    def logging_stream(self, stream: str) -> Self:
        """Choose the stream of log lines, ``"stderr"`` or ``"stdout"``."""
        return self.custom_config(log_stream=_one_of(LOG_STREAMS, stream, "logging stream"))

    def logging_colors(self, use_colors: bool | None = None) -> Self:  # existing programs do
        """Choose coloured log lines or plain ones; None: coloured on terminals."""
        return self.custom_config(log_use_colors=use_colors)

    def logging_format(self, fmt: str | LogFormat) -> Self:
        """Choose the form of log lines, ``"text"`` or ``"json"``."""
        return self.custom_config(log_format=LogFormat(_one_of(tuple(LogFormat), fmt, "logging format")))

    def argument_print_mode(self, mode: str | ArgumentPrintMode, truncate_length: int = 32) -> Self:
        """Choose how much of the arguments is shown; the length counts in mode ``"truncated"``."""
        chosen = ArgumentPrintMode(_one_of(tuple(ArgumentPrintMode), mode, "argument print mode"))
        if chosen is ArgumentPrintMode.TRUNCATED:
            if truncate_length <= 0:
                raise ValueError("truncate_length must be greater than 0")
            self.custom_config(truncate_arguments_length=truncate_length)
        return self.custom_config(argument_print_mode=chosen, print_arguments=chosen is not ArgumentPrintMode.HIDDEN)

    def hide_arguments(self) -> Self:
        """Show no arguments."""
        return self.argument_print_mode(ArgumentPrintMode.HIDDEN)

    def show_argument_keys(self) -> Self:
        """Show the names of arguments, not their values."""
        return self.argument_print_mode(ArgumentPrintMode.KEYS)

    def show_full_arguments(self) -> Self:
        """Show arguments in full length."""
        return self.argument_print_mode(ArgumentPrintMode.FULL)

    def show_truncated_arguments(self, truncate_length: int = 32) -> Self:
        """Show the beginning of each argument."""
        return self.argument_print_mode(ArgumentPrintMode.TRUNCATED, truncate_length)


def _one_of(choices: tuple[str, ...], word: str, meaning: str) -> str:
    if word.lower() not in choices:
        raise ValueError(f"Invalid {meaning}: {word!r}. Use one of {', '.join(choices)}.")
    return word.lower()
