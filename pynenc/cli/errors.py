"""Exit codes, and the error that carries one."""

EXIT_FAILED = 1
EXIT_NOT_FOUND = 3
EXIT_PRECONDITION = 4
EXIT_TIMED_OUT = 5
EXIT_UNHEALTHY = 6
EXIT_UNREACHABLE = 69
EXIT_BAD_CONFIGURATION = 78


class CommandError(Exception):
    """A command cannot do what it was asked for; the text is for the person at the terminal."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
