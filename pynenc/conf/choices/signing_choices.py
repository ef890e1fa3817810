"""Choosing how payloads are protected."""

from collections.abc import Mapping
from typing import Self

from pydantic import SecretStr

from pynenc.conf.choices.choices import Choices


class SigningChoices(Choices):
    """Builder methods for signatures."""

    def payload_signing(self, keys: Mapping[str, str], mode: str | None = None) -> Self:
        """Sign what is stored: secrets by their ids, the one that signs first; ``mode`` as ``payload_signing_mode``."""
        self.custom_config(payload_signing_keys=[SecretStr(f"{key_id}:{secret}") for key_id, secret in keys.items()])
        return self._choose_given(payload_signing_mode=mode)
