"""Arguments, outcomes, workflow data and the registry on Redis.

Its keys, behind the application's prefix:

    a:<id>           string  the arguments of a call
    o:<id>           hash    attempt -> how it ended (MessagePack)
    cached           hash    task NUL digest of arguments -> the invocation that succeeded last
    cached:<id>      set     the fields of ``cached`` that name an invocation
    data:<workflow>  hash    the data of a workflow
    published:<kind> hash    what processes say of their code

The keys of workflow logs are in workflow_log.py.
"""

from collections.abc import Iterator, Mapping, Sequence

from pynenc.invocation.record import NewInvocation, Outcome
from pynenc.ports.state_backend import StateBackend
from pynenc_redis.mapping import outcome_of, packed_outcome
from pynenc_redis.session import Session
from pynenc_redis.workflow_log import RedisWorkflowLog


class RedisStateBackend(RedisWorkflowLog, StateBackend):
    """Strings and hashes, by invocation, workflow and kind."""

    def save_calls(self, new: Sequence[NewInvocation]) -> None:
        self._unit.run(lambda session: self._save(session, new))

    def _save(self, session: Session, new: Sequence[NewInvocation]) -> None:
        for each in new:
            data = each.arguments.encode("utf-8", "surrogatepass")
            session.write("SET", self._keys("a", each.invocation_id), data, "NX")
            session.arguments.setdefault(each.invocation_id, each.arguments)

    def load_calls(self, invocation_ids: Sequence[str]) -> dict[str, str]:
        session = self._unit.session
        known = session.arguments if session is not None else {}
        found = {each: known[each] for each in invocation_ids if each in known}
        unread = [each for each in dict.fromkeys(invocation_ids) if each not in found]
        if unread:
            [values] = self._ask(("MGET", *(self._keys("a", each) for each in unread)))
            stored = zip(unread, values, strict=True)
            found.update((each, value.decode("utf-8", "surrogatepass")) for each, value in stored if value is not None)
        return found

    def put_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._unit.run(lambda session: self._put_outcomes(session, outcomes))

    def _put_outcomes(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        for each in outcomes:
            session.hashes.put(self._keys("o", each.invocation_id), {str(each.attempt): packed_outcome(each)})

    def outcomes(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Outcome]:
        keys = list(dict.fromkeys(keys))
        if not keys:
            return {}
        session = self._unit.session
        # Callers wait for results, so outside of units none is made for it.
        ask = self._ask if session is None else session.ask
        replies = ask(*(("HGET", self._keys("o", i), attempt) for i, attempt in keys))
        found = {key: outcome_of(*key, reply) for key, reply in zip(keys, replies, strict=True) if reply is not None}
        if session is not None:
            found.update(self._own_outcomes(session, keys))
        return found

    def _own_outcomes(
        self, session: Session, keys: Sequence[tuple[str, int]]
    ) -> Iterator[tuple[tuple[str, int], Outcome]]:
        """Those that this unit has written."""
        for invocation_id, attempt in keys:
            own = session.hashes.known(self._keys("o", invocation_id), str(attempt))
            if own is not None:
                yield (invocation_id, attempt), outcome_of(invocation_id, attempt, own)

    def attempts(self, invocation_id: str) -> list[Outcome]:
        stored = self._unit.run(lambda session: session.hashes.peek_all(self._keys("o", invocation_id)))
        return [outcome_of(invocation_id, attempt, stored[str(attempt)]) for attempt in sorted(map(int, stored))]

    def drop_calls(self, invocation_ids: Sequence[str]) -> None:
        if invocation_ids:
            self._unit.run(lambda session: session.call("drop_calls", *invocation_ids))

    def cached_result(self, task_id: str, args_id: str) -> str | None:
        [found] = self._unit.run(lambda session: session.hashes.read(self._keys("cached"), [f"{task_id}\0{args_id}"]))
        return None if found is None else found.decode()

    def cache_result(self, task_id: str, args_id: str, invocation_id: str) -> None:
        field = f"{task_id}\0{args_id}"
        self._unit.run(lambda session: session.call("cache_result", field, invocation_id))

    def set_workflow_data(self, workflow_id: str, values: Mapping[str, str]) -> None:
        data = {key: value.encode("utf-8", "surrogatepass") for key, value in values.items()}
        self._unit.run(lambda session: session.hashes.put(self._keys("data", workflow_id), data))

    def get_workflow_data(self, workflow_id: str, keys: Sequence[str] | None = None) -> dict[str, str]:
        return self._unit.run(lambda session: self._get_data(session, self._keys("data", workflow_id), keys))

    @staticmethod
    def _get_data(session: Session, key: str, names: Sequence[str] | None) -> dict[str, str]:
        if names is None:
            found: Mapping[str, bytes | None] = session.hashes.read_all(key)
        else:
            found = dict(zip(names, session.hashes.read(key, names), strict=True)) if names else {}
        return {name: value.decode("utf-8", "surrogatepass") for name, value in found.items() if value is not None}

    def publish(self, kind: str, entries: Mapping[str, str]) -> None:
        data = {name: value.encode() for name, value in entries.items()}
        self._unit.run(lambda session: session.hashes.put(self._keys("published", kind), data))

    def published(self, kind: str) -> dict[str, str]:
        stored = self._unit.run(lambda session: session.hashes.peek_all(self._keys("published", kind)))
        return {name: value.decode() for name, value in stored.items()}

    def purge(self) -> None:
        kinds = ("a:", "o:", "cached", "data:", "published:", "log:", "order:", "fence:", "continues", "continued:")
        self._forget(kinds)
