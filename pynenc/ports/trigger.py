"""Where trigger definitions and occurrences are kept."""

from abc import ABC, abstractmethod


class Trigger(ABC):
    """The component called trigger. Its contract comes with the trigger system; until then it only empties."""

    @abstractmethod
    def purge(self) -> None:
        """Remove everything of this application."""
