"""The store of triggers, with definitions sealed in it.

A definition names functions, which are imported, and holds values, which are decoded. Everything else that is asked of
the store goes straight to it.
"""

from collections.abc import Sequence
from typing import Any

from pynenc.exceptions import PayloadSignatureError
from pynenc.ports.trigger import StoredDefinition, Trigger
from pynenc.serializer.signing import TRIGGER, PayloadSigner


class SealedDefinitions:
    """Stands in for a ``Trigger``."""

    def __init__(self, trigger: Trigger, signer: PayloadSigner) -> None:
        self._trigger = trigger
        self._signer = signer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trigger, name)

    def definitions(self) -> list[StoredDefinition]:
        """Those that are ours; others are announced and left out: nothing fires by them."""
        return [opened for each in self._trigger.definitions() if (opened := self._opened(each)) is not None]

    def _opened(self, stored: StoredDefinition) -> StoredDefinition | None:
        try:
            text = self._signer.open(TRIGGER, _of(stored), stored.text)
        except PayloadSignatureError:
            return None
        return stored._replace(text=text)

    def change_definitions(self, add: Sequence[StoredDefinition], remove: Sequence[str]) -> bool:
        """Add and remove; one that is there under another signature is sealed anew, so runners renew them."""
        sealed = [each._replace(text=self._signer.seal(TRIGGER, _of(each), each.text)) for each in add]
        return self._trigger.change_definitions(sealed, remove)


def _of(stored: StoredDefinition) -> str:
    return f"{stored.definition_id} of task:{stored.task_id}"
