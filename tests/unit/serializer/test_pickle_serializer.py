"""PickleSerializer: pickle as text, with exceptions that can be loaded."""

import base64
import dataclasses
import pickle
import threading
from typing import Any

import pytest

from pynenc.serializer import BaseSerializer, PickleSerializer

pickles = PickleSerializer()


@dataclasses.dataclass(frozen=True)
class Parcel:
    content: Any


class KeywordError(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__("wrong")
        self.code = code


@pytest.mark.parametrize(
    "value",
    [None, 1, "é\udce9", b"\x00", (1, {2}), {1: [2.5]}, Parcel((1, Parcel("x"))), Parcel, len, 7**10_000],
    ids=type,
)
def test_values_come_back_with_their_types(value: object):
    text = pickles.serialize(value)
    assert text.isascii()
    assert type(pickles.deserialize(text)) is type(value)
    assert pickles.deserialize(text) == value


def test_references_are_kept():
    shared = Parcel([])
    one, other = pickles.deserialize(pickles.serialize((shared, shared)))
    assert one is other


def test_exceptions_come_back_whatever_their_constructor_asks_for():
    back = pickles.deserialize(pickles.serialize({"error": KeywordError(code=3)}))["error"]
    assert type(back) is KeywordError
    assert (back.args, back.code) == (("wrong",), 3)


def test_wrapped_base64_is_read_too():
    wrapped = base64.encodebytes(pickle.dumps({"a": "x" * 200})).decode()
    assert "\n" in wrapped.strip()
    assert pickles.deserialize(wrapped) == {"a": "x" * 200}


@pytest.mark.parametrize("value", [lambda: 1, threading.Lock(), (n for n in ()), [{"a": threading.Lock()}]], ids=type)
def test_what_pickle_refuses_is_a_type_error_with_advice(value: object):
    with pytest.raises(TypeError, match=r"Cannot serialize .*: .*\. Pass the data it stands for"):
        pickles.serialize(value)


def test_what_is_nested_too_deeply_is_refused():
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        pickles.serialize(deep)


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps([1])[:-2], b"cno_such_module\nThing\n."], ids=repr)
def test_what_cannot_be_loaded_is_an_error_that_says_so(data: bytes):
    with pytest.raises(ValueError, match="Cannot load a pickle"):
        pickles.deserialize(base64.b64encode(data).decode())


def test_a_serializer_of_ones_own_needs_two_methods_and_no_arguments():
    class Custom(BaseSerializer):
        def serialize(self, obj):
            return repr(obj)

        def deserialize(self, serialized_obj):
            return {"1": 1}[serialized_obj]

    assert Custom().deserialize(Custom().serialize(1)) == 1
    assert Custom().trusted
    with pytest.raises(TypeError, match="abstract"):
        BaseSerializer()  # type: ignore[abstract]
