"""Large values on Redis.

Its keys, behind the application's prefix:

    text:<key>    string  the value
    put           zset    when each was put last
    bytes         hash    key -> its length in bytes
    users:<key>   set     the invocations that use it
    uses:<id>     set     what an invocation uses
"""

from collections.abc import Mapping, Sequence

from pynenc.ports.client_data_store import ClientDataStore
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session


class RedisClientDataStore(RedisPart, ClientDataStore):
    """Texts, when they were put last, and who uses them."""

    def put(self, values: Mapping[str, str], now: float) -> None:
        self._unit.run(lambda session: self._put(session, values, now))

    def _put(self, session: Session, values: Mapping[str, str], now: float) -> None:
        for key, text in values.items():
            data = text.encode("utf-8", "surrogatepass")
            session.write("SET", self._keys("text", key), data, "NX")
            session.write("ZADD", self._keys("put"), repr(now), key)
            session.write("HSET", self._keys("bytes"), key, len(data))

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        if not keys:
            return {}
        [values] = self._ask(("MGET", *(self._keys("text", key) for key in keys)))
        found = zip(keys, values, strict=True)
        return {key: value.decode("utf-8", "surrogatepass") for key, value in found if value is not None}

    def missing(self, keys: Sequence[str]) -> list[str]:
        if not keys:
            return []
        [known] = self._ask(("HMGET", self._keys("bytes"), *keys))
        return [key for key, size in zip(keys, known, strict=True) if size is None]

    def link(self, uses: Sequence[tuple[str, str]]) -> None:
        self._unit.run(lambda session: self._link(session, uses))

    def _link(self, session: Session, uses: Sequence[tuple[str, str]]) -> None:
        for key, invocation_id in uses:
            session.write("SADD", self._keys("users", key), invocation_id)
            session.write("SADD", self._keys("uses", invocation_id), key)

    def unlink(self, invocation_ids: Sequence[str]) -> None:
        if invocation_ids:
            self._unit.run(lambda session: session.call("unlink_values", *invocation_ids))

    def collect(self, used_before: float, limit: int) -> int:
        [collected] = self._ask(self._fcall("collect_values", repr(used_before), limit))
        return int(collected)

    def usage(self) -> tuple[int, int]:
        [sizes] = self._ask(("HVALS", self._keys("bytes")))
        return len(sizes), sum(map(int, sizes))

    def purge(self) -> None:
        self._forget(("text:", "put", "bytes", "users:", "uses:"))
