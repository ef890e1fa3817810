"""The duties of a client data store."""

import pytest

from pynenc.ports import ClientDataStore
from pynenc.testing.conformance.kit import NOW, ODD_TEXTS, Conformance, ids
from pynenc.testing.conformance.races import race


class ClientDataStoreConformance(Conformance):
    """Everything a client data store owes."""

    def test_texts_are_kept_under_their_keys(self, client_data: ClientDataStore) -> None:
        client_data.put({"a": "text a", "b": "text b"}, NOW)
        assert client_data.get(["a", "b", "unknown"]) == {"a": "text a", "b": "text b"}
        assert client_data.get([]) == {}

    def test_a_key_that_is_there_is_stored_once(self, client_data: ClientDataStore) -> None:
        client_data.put({"a": "text"}, NOW)
        once = client_data.usage()
        client_data.put({"a": "text"}, NOW + 1)
        assert client_data.usage() == once
        assert client_data.get(["a"]) == {"a": "text"}

    @pytest.mark.parametrize("text", [*ODD_TEXTS, "", "é" * 1_000_000], ids=lambda text: text[:20])
    def test_texts_come_back_as_they_were(self, client_data: ClientDataStore, text: str) -> None:
        key = text[:100]
        client_data.put({key: text}, NOW)
        client_data.link([(key, key)])
        assert client_data.get([key]) == {key: text}
        assert client_data.collect(NOW + 1, 5) == 0
        client_data.unlink([key])
        assert client_data.collect(NOW + 1, 5) == 1

    def test_what_is_missing_is_named_in_order(self, client_data: ClientDataStore) -> None:
        client_data.put({"a": "1", "b": "2"}, NOW)
        assert client_data.missing(["z", "a", "y", "b"]) == ["z", "y"]
        assert client_data.missing([]) == []
        client_data.collect(NOW + 1, 5)
        assert client_data.missing(["a"]) == ["a"]

    def test_usage_grows_and_shrinks(self, client_data: ClientDataStore) -> None:
        assert client_data.usage() == (0, 0)
        client_data.put({"a": "x" * 1_000}, NOW)
        texts, stored_bytes = client_data.usage()
        client_data.put({"b": "é" * 1_000}, NOW)
        more_texts, more_bytes = client_data.usage()
        assert (texts, more_texts) == (1, 2)
        assert 0 < stored_bytes < more_bytes
        client_data.collect(NOW + 1, 5)
        assert client_data.usage() == (0, 0)

    def test_what_nobody_uses_is_collected(self, client_data: ClientDataStore) -> None:
        client_data.put({"unused": "1", "used": "2"}, NOW)
        client_data.link([("used", "inv")])
        assert client_data.collect(NOW + 1, 5) == 1
        assert client_data.get(["unused", "used"]) == {"used": "2"}

    def test_what_was_put_lately_is_not_collected(self, client_data: ClientDataStore) -> None:
        client_data.put({"old": "1", "renewed": "2"}, NOW)
        client_data.put({"renewed": "2", "new": "3"}, NOW + 5)
        assert client_data.collect(NOW, 5) == 0
        assert client_data.collect(NOW + 5, 5) == 1
        assert client_data.get(["old", "renewed", "new"]).keys() == {"renewed", "new"}

    def test_a_text_is_kept_for_the_last_of_its_users(self, client_data: ClientDataStore) -> None:
        client_data.put({"shared": "1", "own": "2"}, NOW)
        client_data.link([("shared", "a"), ("shared", "b"), ("own", "a"), ("shared", "a")])
        client_data.unlink(["a", "unknown"])
        assert client_data.collect(NOW + 1, 5) == 1
        assert client_data.get(["shared", "own"]) == {"shared": "1"}
        client_data.unlink(["b"])
        assert client_data.collect(NOW + 1, 5) == 1
        assert client_data.get(["shared"]) == {}

    def test_a_link_may_come_before_its_text(self, client_data: ClientDataStore) -> None:
        client_data.link([("later", "inv")])
        client_data.put({"later": "1"}, NOW)
        assert client_data.collect(NOW + 1, 5) == 0

    def test_the_limit_leaves_the_rest(self, client_data: ClientDataStore) -> None:
        client_data.put(dict.fromkeys(ids(5), "text"), NOW)
        assert [client_data.collect(NOW + 1, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert client_data.usage() == (0, 0)

    def test_purging_leaves_nothing(self, client_data: ClientDataStore) -> None:
        client_data.put({"a": "text"}, NOW)
        client_data.link([("a", "inv")])
        client_data.purge()
        assert client_data.get(["a"]) == {}
        assert client_data.usage() == (0, 0)
        client_data.put({"a": "text"}, NOW)
        assert client_data.collect(NOW + 1, 5) == 1

    def test_threads_put_the_same_text(self, client_data: ClientDataStore) -> None:
        keys = ids(20)

        def put_all(number: int) -> None:
            for key in keys:
                client_data.put({key: f"text of {key}"}, NOW + number)
                client_data.link([(key, f"inv of {number}")])

        race(put_all)
        assert client_data.get(keys) == {key: f"text of {key}" for key in keys}
        assert client_data.usage()[0] == len(keys)
        assert client_data.collect(NOW + 99, 50) == 0
