"""Large values, stored once by their content."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence


class ClientDataStore(ABC):
    """Texts under the digest of their content."""

    @abstractmethod
    def put(self, values: Mapping[str, str], now: float) -> None:
        """Store texts under their keys. Idempotence: a key that is there only gets a newer time of use."""

    @abstractmethod
    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """The texts of those keys that exist."""

    @abstractmethod
    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that have no text here, in their order."""

    @abstractmethod
    def link(self, uses: Sequence[tuple[str, str]]) -> None:
        """Record that invocations use keys: pairs (key, invocation id)."""

    @abstractmethod
    def unlink(self, invocation_ids: Sequence[str]) -> None:
        """These invocations use nothing any more."""

    @abstractmethod
    def collect(self, used_before: float, limit: int) -> int:
        """Remove texts that no invocation uses and that were put before a time; how many they were."""

    @abstractmethod
    def usage(self) -> tuple[int, int]:
        """How many texts, and how many bytes of them."""

    @abstractmethod
    def purge(self) -> None:
        """Remove everything of this application."""
