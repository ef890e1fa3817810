"""Signed payloads: what a process reads from a store was written by one that has the key.

A store is shared with whoever may write to it, and decoding can run code. So each text is sealed before it is stored,
and opened before it is decoded: HMAC-SHA256 over what the text is for, and the text. Decision record 0013 says what
that keeps out, and what it does not.
"""

import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, Protocol

from pynenc.exceptions import PayloadSignatureError

#: What a text is for: part of what is signed, so that no text counts as one of another kind.
ARGUMENTS: Final = "arguments"
RESULT: Final = "result"
EXCEPTION: Final = "exception"
WORKFLOW_VALUE: Final = "workflow value"
WORKFLOW_FAILURE: Final = "workflow failure"
EVENT: Final = "event"
EVENT_FILTER: Final = "event filter"
TRIGGER: Final = "trigger"
PUBLISHED: Final = "published description"

#: How a sealed text begins; then ``<key id>:<signature in base64>:<text>``. JSON, base64 and our own forms never do.
SEALED: Final = "~s1:"
_SIGNATURE_CHARACTERS: Final = 44
_BLOCK_BYTES: Final = 64
_LONGEST_ID: Final = 32


class PayloadSigner(Protocol):
    """Seals texts, and opens them."""

    def seal(self, kind: str, of: str, text: str) -> str:
        """``text`` as it is stored: for use as ``kind``, and for that of ``of`` (a task, an invocation) only."""
        ...

    def open(self, kind: str, of: str, text: str, where: str = "") -> str:
        """The text inside.

        Raises:
            PayloadSignatureError: it was not sealed for this use by somebody who has one of the keys. Nothing of it
                was decoded.
        """
        ...

    def genuine(self, kind: str, of: str, text: str) -> bool:
        """Whether ``open`` would give it back."""
        ...

    def refuse(self, what: str, problem: str) -> NoReturn:
        """Announce what is wrong with a text, and raise it."""
        ...

    @property
    def active(self) -> bool:
        """Whether signatures are looked at."""
        ...


class NoSignatures:
    """Without keys texts are stored as they are."""

    active = False

    def __init__(self, refused: Callable[[str], None] = lambda _: None) -> None:
        self._refused = refused

    def seal(self, kind: str, of: str, text: str) -> str:  # noqa: ARG002 - the protocol
        return text

    def open(self, kind: str, of: str, text: str, where: str = "") -> str:
        if text.startswith(SEALED):
            self.refuse(
                _named(kind, of, where),
                f"it is signed (key {_key_id(text)!r}), and this process has no payload_signing_keys.",
            )
        return text

    def refuse(self, what: str, problem: str) -> NoReturn:
        raise _refusal(what, problem, self._refused)

    def genuine(self, kind: str, of: str, text: str) -> bool:  # noqa: ARG002 - the protocol
        return True


class _Key:
    """HMAC-SHA256 with one secret: both halves are prepared, which takes half the time of ``hmac.digest``."""

    __slots__ = ("_inner", "_outer", "head")

    def __init__(self, key_id: str, secret: str, app_id: str) -> None:
        self.head = f"{SEALED}{key_id}:"
        # A key of its own for each application: what one has sealed means nothing to another in the same store.
        derived = hmac.digest(secret.encode(), f"pynenc payloads 1\0{app_id}".encode(), "sha256")
        padded = derived.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def sign(self, kind: str, of: str, text: str) -> bytes:
        inner = self._inner.copy()
        inner.update(f"{kind}\0{of}\0{text}".encode("utf-8", "surrogatepass"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return binascii.b2a_base64(outer.digest(), newline=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A signing key is never pickled: it would end in a store.")


class SignedPayloads:
    """Seals with the first key, opens what any of them has sealed."""

    active = True

    def __init__(
        self,
        keys: Mapping[str, str],
        app_id: str,
        *,
        sign: bool = True,
        accept_unsigned: bool = False,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``keys``: secrets by id, the one that signs first. ``refused`` is told of each text that is refused."""
        self._keys = {key_id: _Key(key_id, secret, app_id) for key_id, secret in keys.items()}
        self._first = next(iter(self._keys.values()))
        self._sign = sign
        self._accept_unsigned = accept_unsigned
        self._refused = refused

    def seal(self, kind: str, of: str, text: str) -> str:
        if not self._sign:
            return text
        return f"{self._first.head}{self._first.sign(kind, of, text).decode()}:{text}"

    def open(self, kind: str, of: str, text: str, where: str = "") -> str:
        inside, problem = self._opened(kind, of, text)
        if problem is not None:
            self.refuse(_named(kind, of, where), problem)
        return inside

    def refuse(self, what: str, problem: str) -> NoReturn:
        raise _refusal(what, problem, self._refused)

    def genuine(self, kind: str, of: str, text: str) -> bool:
        return self._opened(kind, of, text)[1] is None

    def _opened(self, kind: str, of: str, text: str) -> tuple[str, str | None]:
        """The text inside, and what is wrong with it."""
        key = self._first if text.startswith(self._first.head) else self._keys.get(_key_id(text))
        if key is None:
            if not text.startswith(SEALED):
                return (
                    text,
                    None if self._accept_unsigned else "it has no signature, and payload_signing_mode=required.",
                )
            known = ", ".join(self._keys)
            return "", f"it is signed with the key {_key_id(text)!r}, which is not known here ({known} are)."
        start = len(key.head)
        end = start + _SIGNATURE_CHARACTERS
        inside = text[end + 1 :]
        # As bytes: what stands in the store need not be ASCII.
        given = text[start : end + 1].encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, key.sign(kind, of, inside) + b":"):
            return (
                "",
                f"its signature by the key {_key_id(text)!r} does not fit: it was changed, or is of something else.",
            )
        return inside, None

    def __reduce__(self) -> NoReturn:
        raise TypeError("Signing keys are never pickled: they would end in a store.")

    def __repr__(self) -> str:
        return f"SignedPayloads(keys {', '.join(self._keys)})"


def _refusal(what: str, problem: str, announce: Callable[[str], None]) -> PayloadSignatureError:
    error = PayloadSignatureError(
        f"Refused, and not decoded: {what}, for {problem} Either somebody else writes to the store, or the "
        "processes differ in payload_signing_keys: see docs/how-to/sign-payloads.md."
    )
    announce(str(error))
    return error


def _key_id(text: str) -> str:
    """The id of the key that has signed it; no id at all where nothing is signed."""
    return "" if not text.startswith(SEALED) else text[len(SEALED) : len(SEALED) + _LONGEST_ID + 1].partition(":")[0]


def _named(kind: str, of: str, where: str) -> str:
    return f"{kind} of {of}{f' ({where})' if where else ''}"
