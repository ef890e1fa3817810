"""The status ledger on Redis: records are read under watch, decided upon here, and written by one function there."""

from collections.abc import Collection, Sequence

from pynenc.invocation.record import InvocationRecord, NewInvocation, Transition
from pynenc.invocation.record_change import record_after
from pynenc.invocation.status import AVAILABLE, FINAL, UNSTARTED, InvocationStatus
from pynenc.ports.orchestrator import Existing, StatusLedger
from pynenc_redis.mapping import record_of
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session

#: Final invocations that are looked at together for those that nobody needs any more.
EXPIRY_PAGE = 500


class RedisLedger(RedisPart, StatusLedger):
    """Identity and status of every invocation."""

    def register(self, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        return self._unit.run(lambda session: self._register_all(session, new, now))

    def _register_all(self, session: Session, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        stored = session.records.read([each.invocation_id for each in new])
        return [None if each.invocation_id in stored else self._register(session, each, now) for each in new]

    def _register(self, session: Session, new: NewInvocation, now: float) -> Existing | None:
        if session.records.known(new.invocation_id) is not None:
            return None
        if new.registration_key is not None:
            holder = self._holder(session, new.registration_key)
            if holder is not None:
                return Existing(holder.invocation_id, holder.args_id)
        # A record has the fields of the call in their order, without the arguments (at 3), for the state backend.
        of_ledger = (now, InvocationStatus.REGISTERED, None, 0, 0, 0, now, None, False)
        session.records.change(InvocationRecord._make((*new[:3], *new[4:], *of_ledger)), new.registered_by)
        return None

    def _holder(self, session: Session, registration_key: str) -> InvocationRecord | None:
        key = self._keys("reg", registration_key)
        [first] = session.ask(("ZRANGE", key, 0, 0), watch=[key])
        candidates = session.records.read([each.decode() for each in first])
        candidates.update((record.invocation_id, record) for record in session.records.changed())
        held = [r for r in candidates.values() if r.registration_key == registration_key and r.status in UNSTARTED]
        if first and not held:
            # The first has moved on in this unit; another one may be behind it.
            [others] = session.ask(("ZRANGE", key, 0, -1))
            found = session.records.read([each.decode() for each in others]).values()
            held = [r for r in found if r.registration_key == registration_key and r.status in UNSTARTED]
        return min(held, key=lambda record: record.invocation_id, default=None)

    def claim(self, invocation_ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._claim(session, invocation_ids, owner, now))

    def _claim(self, session: Session, ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        claimed: list[InvocationRecord] = []
        for record in session.records.read(ids).values():
            if record.status not in AVAILABLE or record.running_key is not None:
                continue
            if record.not_before is not None and record.not_before > now:
                continue
            after = record_after(record, Transition(record.invocation_id, InvocationStatus.PENDING, owner, None), now)
            if after is not None:
                session.records.change(after, owner)
                claimed.append(after)
        return claimed

    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        if not changes:
            return []
        return self._unit.run(lambda session: self._transition(session, changes, now))

    def _transition(self, session: Session, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        session.records.read([change.invocation_id for change in changes])
        answers: list[InvocationRecord | None] = []
        for change in changes:
            record = session.records.known(change.invocation_id)
            after = None if record is None else record_after(record, change, now)
            if after is not None:
                session.records.change(after, change.actor)
            answers.append(after)
        return answers

    def read(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        session = self._unit.session
        if session is not None:
            return session.records.read(invocation_ids)
        ids = list(dict.fromkeys(invocation_ids))
        if not ids:
            return {}
        [blobs] = self._ask(("MGET", *(self._keys("i", each) for each in ids)))
        return {each: record_of(blob) for each, blob in zip(ids, blobs, strict=True) if blob is not None}

    def scope(self, running_key: str, limit: int) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._scope(session, running_key, limit))

    def _scope(self, session: Session, running_key: str, limit: int) -> list[InvocationRecord]:
        holders, line = self._keys("sh", running_key), self._keys("sl", running_key)
        # More than asked for, in case some of them have moved on in this unit.
        last = limit + len(session.records.changed()) - 1
        stored = session.ask(("ZRANGE", holders, 0, last), ("ZRANGE", line, 0, last), watch=(holders, line))
        members = session.records.read([each.decode() for part in stored for each in part])
        members.update((record.invocation_id, record) for record in session.records.changed())
        of_scope = [record for record in members.values() if record.running_key == running_key and _is_member(record)]
        return sorted(of_scope, key=_place_at_scope)[:limit]

    def due(self, now: float, limit: int) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._due(session, now, limit))

    def _due(self, session: Session, now: float, limit: int) -> list[InvocationRecord]:
        [ripe] = session.ask(("ZRANGEBYSCORE", self._keys("due"), "-inf", repr(now), "LIMIT", 0, limit))
        ids = [each.decode() for each in ripe]
        # Not those that ran meanwhile and wait for a later time.
        is_due = {
            i
            for i, record in session.records.read(ids).items()
            if record.not_before is None or record.not_before <= now
        }
        return self._without_time(session, [each for each in ids if each in is_due])

    def hasten(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._without_time(session, invocation_ids))

    def _without_time(self, session: Session, ids: Sequence[str]) -> list[InvocationRecord]:
        hastened = [
            record._replace(not_before=None)
            for record in session.records.read(ids).values()
            if record.not_before is not None and record.status in AVAILABLE
        ]
        for record in hastened:
            session.records.change(record, None)
        return hastened

    def next_due(self) -> float | None:
        [first] = self._ask(("ZRANGE", self._keys("due"), 0, 0, "WITHSCORES"))
        return float(first[1]) if first else None

    def request_cancel(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._request_cancel(session, invocation_ids))

    def _request_cancel(self, session: Session, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        records = session.records.read(invocation_ids).values()
        marked = [record._replace(cancel_requested=True) for record in records if record.owner is not None]
        for record in marked:
            session.records.change(record, None)
        return marked

    def drop(self, invocation_ids: Sequence[str]) -> None:
        self._unit.run(lambda session: self._drop(session, list(dict.fromkeys(invocation_ids))))

    def _drop(self, session: Session, ids: Sequence[str]) -> None:
        if not ids:
            return
        session.records.forget(ids)
        self._forget_edges(session, ids)
        session.call("drop", *ids)

    def _forget_edges(self, session: Session, ids: Sequence[str]) -> None:
        """Remove all waits to and from these (see wait_graph.py)."""
        raise NotImplementedError

    def expired(self, changed_before: float, limit: int, keep_workflows: Collection[str] = ()) -> list[str]:
        free: list[str] = []
        start = 0
        while len(free) < limit:
            old = ("ZRANGEBYSCORE", self._keys("fin"), "-inf", f"({changed_before!r}", "LIMIT", start, EXPIRY_PAGE)
            [page] = self._ask(old)
            records = self.read([each.decode() for each in page])
            above = self.read(
                [each for r in records.values() for each in (r.parent_id, r.workflow_id) if each is not None]
            )
            unfinished = {each for each, record in above.items() if record.status not in FINAL}
            free += [
                record.invocation_id
                for record in records.values()
                if record.workflow_id not in keep_workflows
                and unfinished.isdisjoint((record.parent_id, record.workflow_id))
            ]
            if len(page) < EXPIRY_PAGE:
                break
            start += EXPIRY_PAGE
        return free[:limit]


def _is_member(record: InvocationRecord) -> bool:
    return record.owner is not None or record.status is InvocationStatus.CONCURRENCY_CONTROLLED


def _place_at_scope(record: InvocationRecord) -> tuple[bool, float, str]:
    """Holders by the time of their claim, then those in line by priority and age."""
    if record.owner is None:
        return True, -record.priority, record.invocation_id
    return False, record.claimed_at or 0.0, record.invocation_id
