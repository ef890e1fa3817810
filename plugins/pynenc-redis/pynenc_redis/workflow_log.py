"""The logs of workflows on Redis.

Its keys, behind the application's prefix:

    log:<log>        hash  position -> the entry (MessagePack, without the position)
    fence:<log>      string  who opened it last (MessagePack of generation, attempt)
    order:<log>      zset  positions, in order
    continues        hash  invocation -> what it continues (MessagePack of log, generation)
    continued:<log>  hash  generation -> invocation
"""

from collections.abc import Sequence

from pynenc.ports.workflow_log import WorkflowLog
from pynenc.workflow.log_entry import Continuation, Fence, LogEntry, OpenedLog
from pynenc_redis.mapping import pack, unpack
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session


class RedisWorkflowLog(RedisPart, WorkflowLog):
    """Entries by log and position."""

    def open_log(self, invocation_id: str, attempt: int, limit: int) -> OpenedLog | None:
        return self._unit.run(lambda session: self._open(session, invocation_id, attempt, limit))

    def _open(self, session: Session, invocation_id: str, attempt: int, limit: int) -> OpenedLog | None:
        continued = self._continued_by(session, invocation_id) or Continuation(invocation_id, invocation_id, 0)
        fence = Fence(continued.generation, attempt)
        key = self._keys("fence", continued.log_id)
        [present] = session.strings.read([key])
        if present is not None and Fence(*unpack(present)) > fence:
            return None
        session.strings.put(key, pack(fence))
        entries = self._page(session, continued.log_id, "-inf", limit)
        return OpenedLog(continued.log_id, continued.generation, entries)

    def _page(self, session: Session, log_id: str, after: str, limit: int) -> list[LogEntry]:
        [positions] = session.ask(("ZRANGE", self._keys("order", log_id), after, "+inf", "BYSCORE", "LIMIT", 0, limit))
        names = [each.decode() for each in positions]
        if not names:
            return []
        values = session.hashes.read(self._keys("log", log_id), names)
        return [LogEntry(int(n), *unpack(value)) for n, value in zip(names, values, strict=True) if value is not None]

    def read_log(self, log_id: str, after: int, limit: int) -> list[LogEntry]:
        return self._unit.run(lambda session: self._page(session, log_id, f"({after}", limit))

    def append_log(
        self, log_id: str, fence: Fence, entries: Sequence[LogEntry], dealt_with: Sequence[int] = ()
    ) -> bool:
        return self._unit.run(lambda session: self._append(session, log_id, fence, entries, dealt_with))

    def _append(
        self, session: Session, log_id: str, fence: Fence, entries: Sequence[LogEntry], dealt_with: Sequence[int]
    ) -> bool:
        if not self._is_open(session, log_id, fence):
            return False
        key = self._keys("log", log_id)
        names = [str(entry.position) for entry in entries]
        others = [str(position) for position in dealt_with]
        known = dict(zip((*names, *others), session.hashes.read(key, [*names, *others]), strict=True))
        if any(known[name] is not None for name in names):
            return False
        known.update((str(entry.position), pack(entry[1:])) for entry in entries)
        for name in others:
            value = known[name]
            if value is not None:
                known[name] = pack(LogEntry(int(name), *unpack(value))._replace(dealt_with=True)[1:])
        session.hashes.put(key, {name: value for name, value in known.items() if value is not None})
        for entry in entries:
            session.write("ZADD", self._keys("order", log_id), entry.position, entry.position)
        return True

    def forget_entries(self, log_id: str, fence: Fence, positions: Sequence[int]) -> bool:
        return self._unit.run(lambda session: self._forget_entries(session, log_id, fence, positions))

    def _forget_entries(self, session: Session, log_id: str, fence: Fence, positions: Sequence[int]) -> bool:
        if not self._is_open(session, log_id, fence):
            return False
        self._take_out(session, log_id, positions)
        return True

    def _is_open(self, session: Session, log_id: str, fence: Fence) -> bool:
        [present] = session.strings.read([self._keys("fence", log_id)])
        return present is not None and Fence(*unpack(present)) == fence

    def _take_out(self, session: Session, log_id: str, positions: Sequence[int]) -> None:
        if positions:
            session.hashes.drop(self._keys("log", log_id), *map(str, positions))
            session.write("ZREM", self._keys("order", log_id), *positions)

    def continue_log(self, continuation: Continuation, forget: Sequence[int]) -> bool:
        return self._unit.run(lambda session: self._continue(session, continuation, forget))

    def _continue(self, session: Session, continuation: Continuation, forget: Sequence[int]) -> bool:
        log_id, generation = continuation.log_id, str(continuation.generation)
        [taken] = session.hashes.read(self._keys("continued", log_id), [generation])
        if taken is not None:
            return False
        invocation_id = continuation.invocation_id
        session.hashes.put(self._keys("continued", log_id), {generation: invocation_id.encode()})
        session.hashes.put(self._keys("continues"), {invocation_id: pack((log_id, continuation.generation))})
        self._take_out(session, log_id, forget)
        return True

    def continuations(self, log_ids: Sequence[str] | None = None) -> list[Continuation]:
        stored = self._unit.run(lambda session: session.hashes.peek_all(self._keys("continues")))
        found = [Continuation(invocation_id, *unpack(value)) for invocation_id, value in stored.items()]
        wanted = [each for each in found if log_ids is None or each.log_id in log_ids]
        return sorted(wanted, key=lambda each: (each.log_id, each.generation))

    def continued_by(self, invocation_id: str) -> Continuation | None:
        return self._unit.run(lambda session: self._continued_by(session, invocation_id))

    def _continued_by(self, session: Session, invocation_id: str) -> Continuation | None:
        [found] = session.hashes.read(self._keys("continues"), [invocation_id])
        return None if found is None else Continuation(invocation_id, *unpack(found))

    def drop_logs(self, log_ids: Sequence[str]) -> None:
        self._unit.run(lambda session: self._drop_logs(session, log_ids))

    def _drop_logs(self, session: Session, log_ids: Sequence[str]) -> None:
        kinds = ("log", "order", "fence", "continued", "data")
        for log_id in log_ids:
            continued = session.hashes.read_all(self._keys("continued", log_id))
            session.hashes.drop(self._keys("continues"), *(value.decode() for value in continued.values()))
            session.delete(*(self._keys(kind, log_id) for kind in kinds))
