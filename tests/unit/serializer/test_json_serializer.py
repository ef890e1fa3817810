"""JsonSerializer: what it carries, what it refuses, and that decoding runs nobody's code."""

import enum
import json
import math
import sys
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynenc.serializer import BaseSerializer, JsonSerializable, JsonSerializer, ReservedKeys
from pynenc.serializer.json_serializer import DefaultJSONEncoder

json_serializer = JsonSerializer()


class Money:
    def __init__(self, amount: float, currency: str) -> None:
        self.amount = amount
        self.currency = currency

    def to_json(self) -> dict[str, Any]:
        return {"amount": self.amount, "currency": self.currency}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Money":
        return cls(data["amount"], data["currency"])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    class Rounding(enum.Enum):
        UP = "up"
        HALF = (1, 2)


class Dollars(Money):
    """Comes back as itself, not as its base class."""


class Tagged(dict):
    """A dictionary by inheritance, but with a form of its own."""

    def to_json(self) -> list[Any]:
        return list(self.items())

    @classmethod
    def from_json(cls, data: list[Any]) -> "Tagged":
        return cls(data)


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    A = "a"


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


class ShopError(Exception):
    """Takes what Exception takes."""


class PriceError(ShopError):
    def __init__(self, product: str, *, price: int) -> None:
        super().__init__(f"{product} costs {price}")


class Quit(BaseException):
    """No Exception: nobody's ``except Exception`` holds it."""


def there_and_back(value: object) -> Any:
    return json_serializer.deserialize(json_serializer.serialize(value))


# -- what it carries


def test_is_a_serializer_with_the_protocol_where_it_was_always_imported_from():
    from pynenc.serializer.json_serializer import JsonSerializable as SameProtocol  # noqa: PLC0415

    assert isinstance(json_serializer, BaseSerializer)
    assert SameProtocol is JsonSerializable
    assert not json_serializer.trusted


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -7,
        10**40,
        1.5,
        "",
        "é",
        "日本",
        'say "hi"\n\x00',
        [],
        {},
        [1, [2, [3]]],
        {"a": {"b": None}},
    ],
    ids=repr,
)
def test_json_values_come_back_as_they_were(value: object):
    assert there_and_back(value) == value
    assert type(there_and_back(value)) is type(value)


def test_text_is_compact_json_that_others_can_read():
    assert json_serializer.serialize({"a": [1, 2.5, None], "b": "é"}) == '{"a":[1,2.5,null],"b":"é"}'


def test_numbers_that_json_has_no_name_for_come_back():
    assert math.isnan(there_and_back(math.nan))
    assert there_and_back([math.inf, -math.inf]) == [math.inf, -math.inf]


def test_half_a_surrogate_pair_is_written_in_ascii_so_that_stores_can_encode_it():
    name = "caf\udce9.txt"
    for value in (name, [name], {"é": name}):
        text = json_serializer.serialize(value)
        assert text.encode()
        assert json_serializer.deserialize(text) == value


@pytest.mark.parametrize(
    "member", [Money.Rounding.UP, Money.Rounding.HALF, Level.LOW, Word.A, Permission.READ | Permission.WRITE], ids=repr
)
def test_enumerations_come_back_as_members_wherever_they_are(member: enum.Enum):
    for value in (member, [member], {"key": {"deeper": [member, 1]}}):
        assert there_and_back(value) == value
        assert repr(there_and_back(value)) == repr(value)


def test_json_serializable_objects_come_back_as_their_own_class():
    assert isinstance(Money(1, "EUR"), JsonSerializable)
    for money in (Money(9.5, "EUR"), Dollars(1, "USD")):
        assert there_and_back(money) == money
        assert there_and_back({"prices": [money]}) == {"prices": [money]}
    tagged = there_and_back(Tagged(a=1))
    assert type(tagged) is Tagged
    assert tagged == {"a": 1}


def test_both_methods_are_needed():
    class OnlyTo:
        def to_json(self) -> str:
            return ""

    assert not isinstance(OnlyTo(), JsonSerializable)
    with pytest.raises(TypeError, match="JsonSerializable"):
        json_serializer.serialize(OnlyTo())


def test_envelopes_are_what_the_reference_says():
    name = {"module": __name__, "qualname": "Money"}
    envelope = {ReservedKeys.JSON_SERIALIZABLE.value: {**name, "data": {"amount": 1, "currency": "EUR"}}}
    assert json.loads(json_serializer.serialize(Money(1, "EUR"))) == envelope
    assert json.loads(json_serializer.serialize(Level.LOW)) == {
        ReservedKeys.ENUM.value: {"module": __name__, "qualname": "Level", "value": 1}
    }
    assert json.loads(json_serializer.serialize(ValueError("no"))) == {
        ReservedKeys.ERROR.value: {"type": "ValueError", "args": ["no"], "message": "no"}
    }
    assert json.loads(json_serializer.serialize(ShopError("no", 1))) == {
        ReservedKeys.CLIENT_EXCEPTION.value: {
            "module": __name__,
            "qualname": "ShopError",
            "args": ["no", 1],
            "message": "('no', 1)",
        }
    }


@pytest.mark.parametrize(
    "exc",
    [ValueError("no", 1), KeyError("k"), ShopError("x", [1]), FileNotFoundError(2, "gone", "/f"), KeyboardInterrupt()],
    ids=repr,
)
def test_exceptions_come_back_with_type_and_arguments(exc: BaseException):
    back = there_and_back(exc)
    assert type(back) is type(exc)
    assert back.args == exc.args
    assert str(back) == str(exc)


def test_an_exception_whose_class_cannot_be_called_becomes_a_runtime_error():
    back = there_and_back(PriceError("tea", price=3))
    assert type(back) is RuntimeError
    assert str(back) == "PriceError: tea costs 3"


def test_tuples_become_lists_and_keys_become_strings():
    assert there_and_back((1, (2,))) == [1, [2]]
    assert there_and_back(Point(1, 2)) == [1, 2]
    assert there_and_back({2: 0, None: 1, True: 2, 1.5: 3, Word.A: 4}) == {
        "2": 0,
        "null": 1,
        "true": 2,
        "1.5": 3,
        "a": 4,
    }
    assert there_and_back({Level.LOW: 1}) == {"1": 1}
    assert there_and_back(OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}


# -- what it refuses


@pytest.mark.parametrize(
    "value",
    [datetime(2020, 1, 1, tzinfo=UTC), {1, 2}, b"bytes", object(), [1, {"a": {3}}], print, (n for n in ()), 1j],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_is_refused_with_advice(value: object):
    with pytest.raises(TypeError, match=r"Cannot serialize .*JsonSerializable.*JsonPickleSerializer"):
        json_serializer.serialize(value)


def test_a_refusal_names_the_type_and_shows_two_hundred_characters():
    class Chatty:
        def __repr__(self) -> str:
            return "x" * 1000

    with pytest.raises(TypeError, match="Chatty") as raised:
        json_serializer.serialize([Chatty()])
    assert "x" * 200 in str(raised.value)
    assert "x" * 201 not in str(raised.value)


def test_a_value_that_cannot_even_be_shown_is_refused_all_the_same():
    class Mute:
        def __repr__(self) -> str:
            raise LookupError

    with pytest.raises(TypeError, match=r"Mute.*LookupError"):
        json_serializer.serialize(Mute())


def test_keys_that_are_no_json_keys_are_refused():
    with pytest.raises(TypeError, match="keys in JSON are strings"):
        json_serializer.serialize({(1, 2): 3})


def test_keys_that_would_be_one_and_the_same_are_refused():
    with pytest.raises(TypeError, match="same string in JSON"):
        json_serializer.serialize({1: "a", "1": "b"})


def test_what_is_nested_too_deeply_or_contains_itself_is_refused():
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    loop: list[Any] = []
    loop.append((loop,))
    for value in (deep, loop):
        with pytest.raises(ValueError, match="nested too deeply, or contains itself"):
            json_serializer.serialize(value)
    with pytest.raises(ValueError, match="nested too deeply"):
        json_serializer.deserialize("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("text", ["", "{", "nul", '{"a":1} x'])
def test_damaged_text_is_an_error(text: str):
    with pytest.raises(ValueError, match=r"line 1 column"):
        json_serializer.deserialize(text)


# -- reserved keys in the user's data

_keys = st.sampled_from([*map(str, ReservedKeys), "a", "module", "type", ""]) | st.text(max_size=3)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(list(ReservedKeys)).map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
@settings(max_examples=300)
def test_any_json_value_comes_back_also_with_reserved_keys(value: object):
    back = there_and_back(value)
    assert back == value
    assert repr(back) == repr(value)


def test_a_user_dictionary_that_looks_like_an_envelope_stays_a_dictionary():
    for key in ReservedKeys:
        for content in ({"type": "ValueError", "args": ["x"], "message": "x"}, {}, None, {str(key): {str(key): {}}}):
            assert there_and_back({str(key): content}) == {str(key): content}
            assert there_and_back([{str(key): content, "more": Level.LOW}]) == [{str(key): content, "more": Level.LOW}]


def test_references_of_the_client_data_store_pass_untouched():
    reference = f"{ReservedKeys.CLIENT_DATA}:{'0' * 64}"
    assert there_and_back({"data": [reference]}) == {"data": [reference]}


# -- text of others

CALLS: list[object] = []


def trip(*args: object, **kwargs: object) -> object:
    CALLS.append((args, kwargs))
    return trip


class Trap:
    """Neither exception, nor enumeration, nor JsonSerializable."""

    def __init__(self, *args: object) -> None:
        trip(*args)

    def to_json(self) -> None:
        trip()

    def from_json(self, data: object = None) -> None:
        """No class method: so not the protocol."""
        trip(data)


class TrapMeta(type):
    def __call__(cls, *args: object) -> object:
        return trip(*args)

    def __getattr__(cls, name: str) -> object:
        return trip(name)


class MetaTrap(metaclass=TrapMeta):
    pass


class TrapError(Exception):
    to_json = trip
    from_json = classmethod(trip)


def __getattr__(name: str) -> object:
    CALLS.append(name)
    raise AttributeError(name)


_targets = st.sampled_from(
    [
        (__name__, "trip"),
        (__name__, "Trap"),
        (__name__, "Trap.from_json"),
        (__name__, "MetaTrap"),
        (__name__, "MetaTrap.nested"),
        (__name__, "Missing"),
        (__name__, "CALLS.append"),
        (__name__, "json_serializer.serialize"),
        (__name__, "Quit"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "__import__"),
        ("builtins", "SystemExit"),
        ("os", "system"),
        ("os", "path.join"),
        ("subprocess", "Popen"),
        ("this", "s"),
        ("no.such.module", "Thing"),
        ("", ""),
        (None, 7),
    ]
)


@st.composite
def hostile_envelopes(draw: st.DrawFn) -> Any:
    module, name = draw(_targets)
    key = draw(st.sampled_from(list(ReservedKeys)))
    args = draw(st.sampled_from([[], ["true"], ["trip()"], {"a": 1}, "text", None, [[1]]]))
    content = {
        "module": module,
        "qualname": name,
        "type": name,
        "args": args,
        "message": "m",
        "data": args,
        "value": args,
    }
    for dropped in draw(st.sets(st.sampled_from(list(content)), max_size=2)):
        del content[dropped]
    return {str(key): draw(st.sampled_from([content, content, content, None, 3, [content]]))}


@given(
    hostile_envelopes()
    | st.lists(hostile_envelopes(), max_size=2)
    | st.dictionaries(_keys, hostile_envelopes(), max_size=2)
)
@settings(max_examples=500)
def test_hostile_envelopes_call_nothing(value: Any):
    CALLS.clear()
    try:
        json_serializer.deserialize(json.dumps(value))
    except ValueError as error:
        assert "Cannot decode" in str(error)  # noqa: PT017 - most raise, some are plain data
    assert CALLS == []
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    "name", ["eval", "print", "type", "object", "int", "__build_class__", "Ellipsis", "NoSuchError"]
)
def test_an_error_envelope_names_exceptions_only(name: str):
    envelope = {ReservedKeys.ERROR.value: {"type": name, "args": ["40+2"], "message": "boom"}}
    back = json_serializer.deserialize(json.dumps(envelope))
    assert type(back) is RuntimeError
    assert str(back) == f"{name}: boom"


@pytest.mark.parametrize("name", ["trip", "Trap", "MetaTrap", "Quit", "Level", "Missing"])
def test_a_client_exception_envelope_names_subclasses_of_exception_only(name: str):
    CALLS.clear()
    content = {"module": __name__, "qualname": name, "args": [1], "message": "boom"}
    back = json_serializer.deserialize(json.dumps({ReservedKeys.CLIENT_EXCEPTION.value: content}))
    assert type(back) is RuntimeError
    assert str(back) == f"{name}: boom"
    assert CALLS == []


@pytest.mark.parametrize("key", [ReservedKeys.ENUM, ReservedKeys.JSON_SERIALIZABLE])
@pytest.mark.parametrize("name", ["trip", "Trap", "MetaTrap", "TrapError", "Missing"])
def test_other_envelopes_name_what_they_are_for(key: ReservedKeys, name: str):
    CALLS.clear()
    content = {"module": __name__, "qualname": name, "value": 1, "data": 1}
    with pytest.raises(ValueError, match=rf"Cannot decode .*{name}.*importable_modules"):
        json_serializer.deserialize(json.dumps({key.value: content}))
    assert CALLS == []


def test_decoding_imports_nothing():
    assert "wsgiref.headers" not in sys.modules
    content = {"module": "wsgiref.headers", "qualname": "Headers", "data": []}
    with pytest.raises(ValueError, match="no module imported in this process"):
        json_serializer.deserialize(json.dumps({ReservedKeys.JSON_SERIALIZABLE.value: content}))
    assert "wsgiref.headers" not in sys.modules


def test_a_subclass_may_name_modules_that_decoding_imports(tmp_path, monkeypatch):
    (tmp_path / "serializer_shop_models.py").write_text("import enum\nclass Size(enum.Enum):\n    S = 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    class ShopSerializer(JsonSerializer):
        importable_modules = ("serializer_shop_models",)

    text = json.dumps({ReservedKeys.ENUM.value: {"module": "serializer_shop_models", "qualname": "Size", "value": 1}})
    with pytest.raises(ValueError, match="Cannot decode"):
        json_serializer.deserialize(text)
    assert ShopSerializer().deserialize(text).name == "S"
    gone = json.dumps({ReservedKeys.CLIENT_EXCEPTION.value: {"module": "serializer_shop_models.gone", "qualname": "E"}})
    assert str(ShopSerializer().deserialize(gone)) == "E: "
    monkeypatch.delitem(sys.modules, "serializer_shop_models")


# -- the encoder on its own


def test_the_encoder_works_with_json_dumps():
    value = {"level": Level.LOW, "word": [Word.A], "money": Money(1, "EUR"), str(ReservedKeys.ENUM): 1}
    text = json.dumps(value, cls=DefaultJSONEncoder)
    assert json_serializer.deserialize(text) == value
    assert "".join(DefaultJSONEncoder().iterencode(value)) == text
    assert json.loads(json.dumps({"a": Level.LOW}, cls=DefaultJSONEncoder, indent=2))["a"].keys() == {ReservedKeys.ENUM}
