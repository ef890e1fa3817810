"""Exit codes, and the error that carries one."""

#: The operation failed (a task failed, an application cannot be loaded), or Pynenc itself did.
EXIT_FAILED = 1
#: The command line makes no sense. click's own number.
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
#: The status does not allow it, or it needs ``--yes``.
EXIT_PRECONDITION = 4
EXIT_TIMED_OUT = 5
EXIT_UNHEALTHY = 6
#: These three are those of ``sysexits.h``.
EXIT_UNREACHABLE = 69
EXIT_NOT_PERMITTED = 77
EXIT_BAD_CONFIGURATION = 78
#: 128 and the number of SIGINT, as shells have it.
EXIT_INTERRUPTED = 130

#: What programs read in place of the exit code, in ``{"error": {"code": ...}}``.
CODE_OF_EXIT = {
    EXIT_FAILED: "failed",
    EXIT_USAGE: "usage",
    EXIT_NOT_FOUND: "not_found",
    EXIT_PRECONDITION: "precondition",
    EXIT_TIMED_OUT: "timed_out",
    EXIT_UNHEALTHY: "unhealthy",
    EXIT_UNREACHABLE: "unreachable",
    EXIT_NOT_PERMITTED: "not_permitted",
    EXIT_BAD_CONFIGURATION: "bad_configuration",
    EXIT_INTERRUPTED: "interrupted",
}


class CommandError(Exception):
    """A command cannot do what it was asked for; the text is for the person at the terminal."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @property
    def code(self) -> str:
        """The kind of error, for programs."""
        return CODE_OF_EXIT[self.exit_code]


class AppNotLoadableError(CommandError):
    """There is no application, there are several, or its code cannot be imported."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Failed to load application: {message}")

    @property
    def code(self) -> str:
        """The kind of error, for programs; the exit code alone does not tell it."""
        return "app_not_loadable"
