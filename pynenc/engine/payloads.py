"""Values in and out of the store: serialized, large ones out of line.

Arguments travel as a JSON object from parameter names to either the serialized text, or ``[key]`` for a text
that lies in the client data store. A result is one text with a first character that says which of the two it
is. So nothing a user passes can be taken for a reference.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pynenc.engine.text_cache import TextCache
from pynenc.exceptions import PayloadSignatureError, ResultNotAvailableError, SerializationError
from pynenc.identifiers import NO_ARGUMENTS_ID
from pynenc.invocation.handle_engine import HandleEngine, current_handle_engine
from pynenc.ports.client_data_store import ClientDataStore
from pynenc.serializer.signing import ARGUMENTS, NoSignatures, PayloadSigner

#: A serialized argument: its text, or the one key under which the text lies out of line.
Part = str | list[str]

_INLINE = "="
_REFERENCE = "@"
#: Length of a value's representation in an error message.
_SHOWN_CHARACTERS = 200

#: A string as JSON, in C. A whole encoder costs three times as much, and parameter names need no escaping.
_quote = json.encoder.encode_basestring


def _encode(parts: Mapping[str, Part]) -> str:
    """The parts as a JSON object."""
    fields = [f'"{name}":{_quote(part) if isinstance(part, str) else json.dumps(part)}' for name, part in parts.items()]
    return "{" + ",".join(fields) + "}"


class PayloadLimits(NamedTuple):
    """When a text goes out of line. Sizes are in characters."""

    enabled: bool
    min_size: int
    #: 0: no limit.
    max_size: int
    warn_size: int
    cache_entries: int
    #: Bytes of texts that the cache of a process holds.
    cache_bytes: int = 256 * 1024 * 1024


class PackedArguments(NamedTuple):
    """A call's arguments ready to be stored."""

    text: str
    args_id: str
    #: The text of each argument, as it counts for concurrency keys.
    parts: Mapping[str, Part]
    #: Keys in the client data store that the call uses.
    references: Sequence[str]


class Payloads:
    """Serializes arguments and results, and keeps large texts out of line."""

    def __init__(
        self,
        serializer: Any,
        store: ClientDataStore,
        limits: PayloadLimits,
        now: Callable[[], float],
        warn: Callable[[str], None],
        *,
        signer: PayloadSigner | None = None,
    ) -> None:
        self._serialize: Callable[[Any], str] = serializer.serialize
        self._deserialize: Callable[[str], Any] = serializer.deserialize
        self._store = store
        self._limits = limits
        self._now = now
        self._warn = warn
        self.signer: PayloadSigner = signer or NoSignatures()
        self._cache = TextCache(limits.cache_entries, limits.cache_bytes)
        #: Where invocation handles among the values come to life.
        self.handles: HandleEngine | None = None

    def pack_arguments(
        self,
        task_label: str,
        values: Mapping[str, Any],
        inline: Sequence[str] = (),
        packed: Mapping[str, Part] | None = None,
    ) -> PackedArguments:
        """Serialize bound arguments; those in ``packed`` are ready already.

        Raises:
            SerializationError: the serializer refuses one of them.
        """
        if not values and not packed:
            return PackedArguments(self.signer.seal(ARGUMENTS, task_label, "{}"), NO_ARGUMENTS_ID, {}, ())
        parts: dict[str, Part] = {}
        references: list[str] = []
        all_inline = "*" in inline
        for name, value in values.items():
            part: Part | None = packed.get(name) if packed else None
            if part is None:
                text = self._serialize_argument(task_label, name, value)
                part = text if all_inline or name in inline else self._place(text)
            parts[name] = part
            if not isinstance(part, str):
                references.append(part[0])
        text = _encode(parts)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        # Identity and keys come from what is inside: equal calls stay equal when the signing key changes.
        return PackedArguments(self.signer.seal(ARGUMENTS, task_label, text), digest, parts, references)

    def _serialize_argument(self, task_label: str, name: str, value: Any) -> str:
        try:
            return self._serialize(value)
        except Exception as error:
            kind = type(value).__qualname__
            raise SerializationError(
                f"Task '{task_label}': Failed to serialize argument '{name}' (type={kind}): {error}\n"
                f"value (truncated): {_shown(value)}"
            ) from error

    def _place(self, text: str) -> Part:
        """The text itself, or ``[key]`` once it is stored out of line."""
        limits = self._limits
        size = len(text)
        if size < limits.min_size or not limits.enabled:
            return text
        if limits.max_size and size > limits.max_size:
            self._warn(
                f"A value of {size} characters stays inline: it is larger than max_size_to_cache={limits.max_size}. "
                "Raise the limit or pass a smaller value."
            )
            return text
        if size > limits.warn_size:
            self._warn(
                f"A value of {size} characters goes to the client data store (warn_threshold={limits.warn_size})."
            )
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if key not in self._cache:
            self._store.put({key: text}, self._now())
            self._cache.add(key, text)
        return [key]

    def unpack_arguments(self, text: str, task_id: str, invocation_id: str) -> dict[str, Any]:
        """The bound arguments of a call.

        Raises:
            PayloadSignatureError: they are not those of a call of this task by somebody who has a signing key.
            SerializationError: a value cannot be read here.
        """
        text = self.signer.open(ARGUMENTS, task_id, text, f"invocation:{invocation_id}")
        if text == "{}":
            return {}
        parts: dict[str, Any] = json.loads(text)
        deserialize = self._deserialize
        token = current_handle_engine.set(self.handles)
        try:
            return {
                name: deserialize(part) if part.__class__ is str else self._fetch(part[0])
                for name, part in parts.items()
            }
        except PayloadSignatureError:
            raise
        except Exception as error:
            raise SerializationError(
                f"The arguments ({', '.join(parts)}) cannot be read here: {type(error).__name__}: {error}. "
                "The worker needs the classes and the serializer that the caller used."
            ) from error
        finally:
            current_handle_engine.reset(token)

    def references_of(self, text: str, task_id: str, invocation_id: str) -> list[str]:
        """The keys that the stored arguments of a call use in the client data store."""
        parts = json.loads(self.signer.open(ARGUMENTS, task_id, text, f"invocation:{invocation_id}"))
        return [part[0] for part in parts.values() if not isinstance(part, str)]

    def pack(self, value: Any, kind: str, of: str) -> tuple[str, list[str]]:
        """A value as text, for one use (see ``signing``), and the keys it uses in the client data store."""
        placed = self._place(self._serialize(value))
        if isinstance(placed, str):
            return self.signer.seal(kind, of, _INLINE + placed), []
        return self.signer.seal(kind, of, _REFERENCE + placed[0]), placed

    def unpack(self, text: str, kind: str, of: str) -> Any:
        """The value of a packed text.

        Raises:
            PayloadSignatureError: it was not packed for this use by somebody who has a signing key.
        """
        text = self.signer.open(kind, of, text)
        body = text[1:]
        token = current_handle_engine.set(self.handles)
        try:
            return self._deserialize(body) if text[0] == _INLINE else self._fetch(body)
        finally:
            current_handle_engine.reset(token)

    def _fetch(self, key: str) -> Any:
        """The value that lies out of line."""
        value = self._cache.value(key)
        if value is None:
            value = self._deserialize(self._text(key))
            self._cache.remember(key, value)
        return value

    def _text(self, key: str) -> str:
        text = self._cache.get(key)
        if text is None:
            text = self._store.get([key]).get(key)
            if text is None:
                raise ResultNotAvailableError(
                    key,
                    "a large value is not in the client data store any more: purged, or another store is configured",
                )
            self._check_content(key, text)
            self._cache.add(key, text)
        return text

    def _check_content(self, key: str, text: str) -> None:
        """With signatures, the one over the reference covers the text, for the key is its digest."""
        if self.signer.active and hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != key:
            self.signer.refuse(f"large value {key}", "its content is not what its key, a digest, says.")

    def keep(self, uses: Sequence[tuple[str, str]]) -> None:
        """Have large values kept for those who use them: pairs (key, invocation id). To be called in a unit.

        This process may have seen a value that was removed since, its users being gone: it is put again.
        """
        gone = self._store.missing(list(dict.fromkeys(key for key, _ in uses)))
        again = {key: text for key in gone if (text := self._cache.get(key)) is not None}
        if again:
            self._store.put(again, self._now())
        self._store.link(uses)

    def purge_cache(self) -> None:
        """Forget the texts kept in this process."""
        self._cache.clear()


def _shown(value: Any) -> str:
    try:
        return repr(value)[:_SHOWN_CHARACTERS]
    except Exception as error:  # noqa: BLE001 - a value's own code; its failure must not hide the real error
        return f"<repr failed: {type(error).__name__}>"
