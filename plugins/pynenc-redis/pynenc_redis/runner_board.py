"""The board of runners on Redis.

Its keys, behind the application's prefix:

    runners   hash  id -> what a runner says of itself
    beats     hash  id -> when it beat last
    stopped   hash  id -> when it stopped in good order
    duties    hash  duty -> MessagePack of holder, until
"""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.ports.orchestrator import RunnerBoard
from pynenc_redis.mapping import pack, packed_runner, runner_of, unpack
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session

#: The hashes that speak of runners.
_KINDS = ("runners", "beats", "stopped")


class RedisRunnerBoard(RedisPart, RunnerBoard):
    """Runners and their leases."""

    def save_runners(self, runners: Sequence[RunnerRecord]) -> None:
        self._unit.run(lambda session: self._save(session, runners))

    def _save(self, session: Session, runners: Sequence[RunnerRecord]) -> None:
        session.hashes.put(self._keys("runners"), {each.runner_id: packed_runner(each) for each in runners})
        for each in runners:
            session.hashes.put(self._keys("beats"), {each.runner_id: repr(each.last_beat).encode()})
            if each.stopped_at is None:
                session.hashes.drop(self._keys("stopped"), each.runner_id)
            else:
                session.hashes.put(self._keys("stopped"), {each.runner_id: repr(each.stopped_at).encode()})

    def beat(self, runner_ids: Sequence[str], now: float) -> list[str]:
        [unknown] = self._ask(self._fcall("beat", repr(now), *runner_ids))
        return [each.decode() for each in unknown]

    def retire(self, runner_ids: Sequence[str], now: float) -> None:
        self._unit.run(lambda session: self._retire(session, runner_ids, now))

    def _retire(self, session: Session, runner_ids: Sequence[str], now: float) -> None:
        known = session.hashes.read_all(self._keys("runners"))
        stopped = {each: repr(now).encode() for each in runner_ids if each in known}
        session.hashes.put(self._keys("stopped"), stopped)

    def runners(
        self, *, alive_since: float | None = None, runner_ids: Sequence[str] | None = None
    ) -> list[RunnerRecord]:
        found = list(self._unit.run(self._all if runner_ids is None else lambda s: self._these(s, runner_ids)).values())
        if alive_since is not None:
            found = [each for each in found if _is_alive(each, alive_since)]
        return sorted(found, key=lambda runner: (runner.started_at, runner.runner_id))

    def _all(self, session: Session) -> dict[str, RunnerRecord]:
        return self._these(session, list(session.hashes.peek_all(self._keys("runners"))))

    def _these(self, session: Session, runner_ids: Sequence[str]) -> dict[str, RunnerRecord]:
        if not runner_ids:
            return {}
        # Not watched: every runner beats, and nobody decides upon the time of another's beat alone.
        said, beats, stopped = session.hashes.peek([self._keys(kind) for kind in _KINDS], runner_ids)
        return {
            each: runner_of(said[each], float(beats[each]), float(stopped[each]) if each in stopped else None)
            for each in runner_ids
            if each in said and each in beats
        }

    def orphans(self, silent_since: float, limit: int) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._orphans(session, silent_since, limit))

    def _orphans(self, session: Session, silent_since: float, limit: int) -> list[InvocationRecord]:
        [found] = session.ask(self._fcall("silent_owners", repr(silent_since)))
        #: Whether they are on the board.
        silent = {owner.decode(): bool(known) for owner, known in found}
        if not silent:
            return []
        owned = session.ask(*(("SMEMBERS", self._keys("own", owner)) for owner in silent))
        gone = [owner for owner, ids in zip(silent, owned, strict=True) if not ids]
        if gone:
            session.call("forget_owners", *gone)
        records = session.records.peek([each.decode() for ids in owned for each in ids])
        orphaned = (
            record
            for record in records.values()
            # Somebody alive may have it by now.
            if record.owner in silent and (silent[record.owner] or record.changed_at < silent_since)
        )
        return nsmallest(limit, orphaned, key=lambda record: record.invocation_id)

    def hold_duty(self, duty: str, holder: str, now: float, until: float) -> bool:
        if self._unit.session is None:
            # In one trip: all runners ask for it all the time.
            [held] = self._ask(self._fcall("hold_duty", duty, holder, repr(now), pack((holder, until))))
            return bool(held)
        return self._unit.run(lambda session: self._hold(session, duty, holder, now, until))

    def _hold(self, session: Session, duty: str, holder: str, now: float, until: float) -> bool:
        [present] = session.hashes.read(self._keys("duties"), [duty])
        if present is not None:
            by, present_until = unpack(present)
            if by != holder and present_until > now:
                return False
        session.hashes.put(self._keys("duties"), {duty: pack((holder, until))})
        return True

    def duties(self) -> Mapping[str, tuple[str, float]]:
        [reply] = self._ask(("HGETALL", self._keys("duties")))
        return {reply[n].decode(): unpack(reply[n + 1]) for n in range(0, len(reply), 2)}

    def forget_runners(self, silent_since: float) -> int:
        return self._unit.run(lambda session: self._forget_silent(session, silent_since))

    def _forget_silent(self, session: Session, silent_since: float) -> int:
        silent = [each for each, runner in self._all(session).items() if runner.last_beat < silent_since]
        owned = session.ask(*(("SCARD", self._keys("own", each)) for each in silent)) if silent else []
        gone = [each for each, count in zip(silent, owned, strict=True) if not count]
        for kind in _KINDS:
            session.hashes.drop(self._keys(kind), *gone)
        return len(gone)


def _is_alive(runner: RunnerRecord, since: float) -> bool:
    return runner.stopped_at is None and runner.last_beat >= since
