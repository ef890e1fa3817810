"""JsonPickleSerializer: everything comes back as it was, with its type, or is refused."""

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import json
import math
import pathlib
import queue
import re
import subprocess
import sys
import threading
import types
import uuid
import weakref
import zoneinfo
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jsonpickle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from pynenc.serializer import BaseSerializer, JsonPickleSerializer

json_pickle = JsonPickleSerializer()


def there_and_back(value: object) -> Any:
    text = json_pickle.serialize(value)
    text.encode()  # every store can keep it
    return json_pickle.deserialize(text)


def is_same(one: Any, other: Any) -> bool:
    """Equal in value and in type, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(
            is_same(key, twin) and is_same(one[key], other[twin]) for key, twin in zip(one, other, strict=True)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, set | frozenset):
        return one == other and {(type(member), member) for member in one} == {
            (type(member), member) for member in other
        }
    if isinstance(one, BaseException) or dataclasses.is_dataclass(one):
        names = [name for cls in type(one).__mro__ for name in getattr(cls, "__slots__", ())]
        state = [
            (vars(exc) if hasattr(exc, "__dict__") else {}, *(getattr(exc, name) for name in names))
            for exc in (one, other)
        ]
        return is_same(*state) and (not isinstance(one, BaseException) or is_same(one.args, other.args))
    if isinstance(one, uuid.UUID):
        return one == other and one.is_safe == other.is_safe
    if isinstance(one, dt.datetime | dt.time):  # equal times may differ in zone and fold
        return repr(one) == repr(other)
    return bool(one == other) or repr(one) == repr(other)


# -- plain JSON: the fast path


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (-(10**30), "-1000000000000000000000000000000"),
        (2.5, "2.5"),
        ("é\n", '"é\\n"'),
        ([1, "a", [None]], '[1,"a",[null]]'),
        ({"a": {"b": [False]}}, '{"a":{"b":[false]}}'),
    ],
)
def test_plain_values_are_plain_json(value: object, text: str):
    assert json_pickle.serialize(value) == text
    assert is_same(json_pickle.deserialize(text), value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


@given(json_values)
@settings(max_examples=200)
def test_any_json_value_comes_back(value: object):
    assert is_same(there_and_back(value), value)


def test_numbers_that_json_has_no_name_for_come_back():
    assert math.isnan(there_and_back(math.nan))
    assert there_and_back({"a": [math.inf], "b": (-math.inf,)}) == {"a": [math.inf], "b": (-math.inf,)}


def test_integers_too_long_for_decimal_text_come_back():
    huge = 7**10_000
    for value in (huge, -huge, [huge, {"a": huge}], (huge, 2**2_000, 2**2_001)):
        assert there_and_back(value) == value


def test_half_a_surrogate_pair_can_be_stored():
    name = "caf\udce9.txt"
    for value in (name, {name: [name]}, (name,), pathlib.PurePosixPath(name)):
        assert is_same(there_and_back(value), value)


def test_text_and_keys_that_look_like_tags_are_only_data():
    for tag in ("py/object", "py/tuple", "py/id", "py/reduce", "py/set", "py/", "json://1"):
        for value in (tag, [tag], {tag: [1]}, {tag: {tag: 2}, "a": (tag,)}, {"a": {tag: "builtins.list"}}):
            assert is_same(there_and_back(value), value)


def test_plain_values_cost_no_import():
    program = (
        "import sys; from pynenc.serializer import JsonPickleSerializer as S; s = S();"
        "assert s.deserialize(s.serialize({'a': [1, 2.5, None, 'é']})) == {'a': [1, 2.5, None, 'é']};"
        "assert not {'jsonpickle', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=_root())


def _root() -> pathlib.Path:
    return pathlib.Path(sys.modules[BaseSerializer.__module__].__file__ or "").absolute().parents[2]


# -- Python values


@dataclasses.dataclass
class Order:
    number: int
    lines: list[Any] = dataclasses.field(default_factory=list)
    shop: ClassVar[str] = "here"


@dataclasses.dataclass(frozen=True)
class Frozen:
    inner: Any
    names: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class Slotted:
    value: Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrozenSlotted:
    value: Any


class Point(NamedTuple):
    x: Any
    y: Any = 0


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value
        self.__hidden = 1

    def __eq__(self, other: object) -> bool:
        return type(other) is Plain and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    class Nested(enum.Enum):
        ONE = 1


class Guarded:
    """Setting attributes is its own affair: rebuilding must not go through it."""

    def __init__(self) -> None:
        object.__setattr__(self, "value", 1)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is Guarded and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]


class Stateful:
    def __init__(self) -> None:
        self.connection: object = threading.Lock()
        self.name = "n"

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()
        self.name = state["name"]

    def __eq__(self, other: object) -> bool:
        return type(other) is Stateful and other.name == self.name

    __hash__ = None  # type: ignore[assignment]


class Emptied:
    """Its state is empty, and still has to be set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.lock = threading.Lock()

    def __eq__(self, other: object) -> bool:
        return type(other) is Emptied and vars(other).keys() == vars(self).keys()

    __hash__ = None  # type: ignore[assignment]


class GuardedItems(list):
    """As above, with more than attributes."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__(items)
        vars(self)["value"] = 1

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is GuardedItems and list(other) == list(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]


class Items(list):
    pass


class Table(dict):
    pass


class Row(tuple):
    __slots__ = ()


class Name(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = 1
    MIXED = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    A = "a"


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class PlainError(Exception):
    pass


class KeywordError(Exception):
    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class SilentError(Exception):
    """Passes nothing on to Exception."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class PathError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "gone", path)


class StatefulError(Exception):
    """Keeps its state where only its own methods find it, as exceptions written in C do."""

    hidden: ClassVar[weakref.WeakKeyDictionary[BaseException, int]] = weakref.WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        return (StatefulError, self.args, {"code": self.hidden[self]})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.hidden[self] = state["code"]


class SlotError(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int


def with_note(exc: BaseException) -> BaseException:
    exc.add_note("look here")
    return exc


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
CATALOGUE = [
    (1, 2),
    (),
    ((1,), [(2,)]),
    {1, 2},
    {"a", (1, 2)},
    set(),
    frozenset({1, "b"}),
    {frozenset({1}), frozenset()},
    b"\x00\xff",
    bytearray(b"xy"),
    array.array("d", [1.0, 2.5]),
    1 + 2j,
    range(1, 9, 2),
    slice(1, None),
    Ellipsis,
    NotImplemented,
    {1: "a", "b": 2, None: 3, (1, 2): 4, Colour.RED: 5, b"k": 6, 1.5: 7},
    {True: 1, 2: {3: {4: 5}}},
    collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.defaultdict(list, a=[1]),
    collections.Counter("aab"),
    collections.deque([1, 2], maxlen=3),
    collections.ChainMap({"a": 1}, {"b": 2}),
    types.SimpleNamespace(a=1, b=(2,)),
    dt.datetime(2020, 2, 29, 12, 30, 15, 123456),  # noqa: DTZ001 - as a user may pass it
    dt.datetime(2020, 2, 29, tzinfo=dt.UTC),
    dt.datetime(2020, 2, 29, tzinfo=BERLIN),
    dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    dt.datetime(2020, 10, 25, 2, 30, fold=1),  # noqa: DTZ001 - as above
    dt.datetime(2020, 2, 29, tzinfo=dt.timezone(dt.timedelta(hours=2), "named")),
    dt.datetime(2020, 2, 29, tzinfo=dt.timezone(dt.timedelta(0), "named")),
    dt.date(2020, 2, 29),
    dt.time(12, 30),
    dt.time(12, 30, tzinfo=dt.UTC),
    dt.timedelta(1, 2, 3),
    dt.UTC,
    BERLIN,
    uuid.UUID(int=2**127 + 5),
    uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
    decimal.Decimal("1.10"),
    [decimal.Decimal(i) / 7 for i in range(20)],
    fractions.Fraction(1, 3),
    pathlib.Path("/a/b.txt"),
    pathlib.PureWindowsPath("c:/x"),
    ipaddress.ip_network("10.0.0.0/8"),
    re.compile("x.*", re.IGNORECASE | re.DOTALL),
    Colour.RED,
    Colour.MIXED,
    Level.LOW,
    Word.A,
    Permission.READ | Permission.WRITE,
    Plain.Nested.ONE,
    [Colour.RED, Colour.RED, Level.LOW],
    Order(1, [Order(2), {"a": Order(3, [(4,)])}]),
    Frozen(Order(1), ("a", "b")),
    Slotted(Frozen(1)),
    FrozenSlotted(value=Slotted((1,))),
    Point(1, Point(2)),
    Plain([1, Plain(None)]),
    Guarded(),
    Stateful(),
    Emptied(),
    GuardedItems([1]),
    Items([1, (2,)]),
    Table(a=1, default_factory=2, __dict__=3),
    Row((1, 2)),
    Name("n"),
    {"key": Name("n"), Name("n2"): 1},
    functools.partial(Order, number=3),
    int,
    type(None),
    Order,
    Plain.Nested,
    len,
    with_note,
    Order.__eq__,
    dict.fromkeys,
    dt.datetime.fromisoformat,
    list[int],
    int | None,
    ValueError("x", 1),
    KeyError(),
    FileNotFoundError(2, "gone", "/f"),
    UnicodeDecodeError("utf8", b"x", 0, 1, "bad"),
    ImportError("no", name="n", path="p"),
    StopIteration(4),
    SystemExit(3),
    PlainError("a", [1]),
    KeywordError(3, detail="d"),
    SilentError(4),
    PathError("/f"),
    SlotError(5),
    FrozenError(6),
    with_note(ValueError("noted")),
    ExceptionGroup("two", [ValueError(1), KeywordError(1, detail="d")]),
]


@pytest.mark.parametrize("value", CATALOGUE, ids=lambda value: type(value).__name__)
def test_python_values_come_back_with_their_types(value: Any):
    assert is_same(there_and_back(value), value)
    assert is_same(there_and_back([{"in": (value, "a structure")}]), [{"in": (value, "a structure")}])


#: jsonpickle assigns their attributes, which they refuse, or passes over an empty state.
STRICTER = Guarded | GuardedItems | Emptied


@pytest.mark.parametrize(
    "value",
    [value for value in CATALOGUE if not isinstance(value, STRICTER)],
    ids=lambda value: type(value).__name__,
)
def test_jsonpickle_can_read_what_is_written(value: Any):
    text = json_pickle.serialize(value)
    assert is_same(jsonpickle.unpickler.Unpickler().restore(json.loads(text)), value)


def test_what_jsonpickle_itself_wrote_can_be_read():
    for value in (
        Order(1, [(2, {3})]),
        Frozen(Point(1, b"x")),
        Table(a=1),
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        Colour.RED,
    ):
        text = json.dumps(jsonpickle.pickler.Pickler().flatten(value))
        assert is_same(json_pickle.deserialize(text), value)


def test_attributes_of_an_object_are_readable_in_the_text():
    text = json_pickle.serialize(Order(7, ["tea"]))
    assert json.loads(text) == {"py/object": f"{__name__}.Order", "number": 7, "lines": ["tea"]}


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.datetimes()
    | st.datetimes(timezones=st.sampled_from([dt.UTC, BERLIN]))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.fractions()
    | st.complex_numbers(allow_nan=False)
    | st.sampled_from([*Colour, *Level, *Word, "py/object", "py/id", int, len])
)
hashables = leaves | st.tuples(leaves) | st.frozensets(leaves, max_size=3)


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(hashables, max_size=3)
        | st.builds(Order, st.integers(), st.lists(inner, max_size=2))
        | st.builds(Frozen, inner)
        | st.builds(Slotted, inner)
        | st.builds(FrozenSlotted, value=inner)
        | st.builds(Point, inner, inner)
        | st.builds(KeywordError, st.integers(), detail=st.text(max_size=3))
        | st.lists(inner, max_size=2).map(Items)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2).map(Table)
    )


@given(st.recursive(leaves, _grow, max_leaves=20))
@settings(max_examples=300)
def test_any_structure_comes_back(value: object):
    assert is_same(there_and_back(value), value)


def test_exceptions_that_restore_their_own_state_do_so():
    exc = StatefulError("x")
    StatefulError.hidden[exc] = 7
    back = there_and_back(exc)
    assert back.args == ("x",)
    assert StatefulError.hidden[back] == 7


# -- references


def test_shared_objects_stay_shared():
    order = Order(1)
    first, second, by_key = there_and_back((order, order, {"k": order, 2: order}))
    assert first is second is by_key["k"] is by_key[2]


def test_loops_come_back():
    order = Order(1)
    order.lines.append({"parent": order, 1: order})
    back = there_and_back(order)
    assert back.lines[0]["parent"] is back.lines[0][1] is back

    loop: list[Any] = []
    loop.append(loop)
    back = there_and_back(loop)
    assert back[0] is back

    table: Any = Table()
    table["self"] = table
    table.owner = Slotted(table)
    back = there_and_back(table)
    assert back["self"] is back.owner.value is back


def test_an_object_made_from_itself_is_refused():
    cell: list[Any] = []
    row = Row((cell,))
    cell.append(row)
    with pytest.raises(TypeError, match="contained in the arguments from which it is made"):
        json_pickle.serialize(row)


def test_references_count_right_among_constants_and_repeated_values():
    order = Order(1)
    value = [Ellipsis, Colour.RED, Colour.RED, BERLIN, (NotImplemented, Level.LOW), {"é", "a"}, 7**5000, order, order]
    back = there_and_back(value)
    assert is_same(back, value)
    assert back[-1] is back[-2]


def test_equal_sets_have_equal_text():
    one, other = {f"name{i}" for i in range(50)}, {f"name{i}" for i in reversed(range(50))}
    assert json_pickle.serialize(one) == json_pickle.serialize(other)
    assert json_pickle.serialize(frozenset(one)) == json_pickle.serialize(frozenset(other))


# -- forms that classes give themselves


class Money:
    def __init__(self, amount: float) -> None:
        self.amount = amount
        self.cache = threading.Lock()

    def to_json(self) -> dict[str, Any]:
        return {"amount": self.amount}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Money":
        return cls(data["amount"])

    def __reduce__(self) -> str:
        raise AssertionError("to_json comes first")


class Coins(Money):
    pass


class Bill(NamedTuple):
    amount: int

    def to_json(self) -> int:
        return self.amount

    @staticmethod
    def from_json(data: int) -> "Bill":
        return Bill(data)


def test_to_json_and_from_json_are_preferred():
    for cls in (Money, Coins):
        back = there_and_back([cls(2.5)])[0]
        assert type(back) is cls
        assert back.amount == 2.5
    assert json_pickle.serialize(Bill(3)).count("3") == 1
    assert is_same(there_and_back(Bill(3)), Bill(3))


class Registered:
    def __init__(self, value: object) -> None:
        self.value = value
        self.lock = threading.Lock()


def test_handlers_that_the_user_registers_with_jsonpickle_are_used():
    class Handler(jsonpickle.handlers.BaseHandler):
        def flatten(self, obj: Registered, data: dict[str, Any]) -> dict[str, Any]:
            data["kept"] = self.context.flatten(obj.value, reset=False)
            return data

        def restore(self, obj: dict[str, Any]) -> Registered:
            return Registered(self.context.restore(obj["kept"], reset=False))

    jsonpickle.handlers.register(Registered, Handler)
    try:
        order = Order(1)
        back = there_and_back([Registered((1, order)), order])
        assert back[0].value == (1, order)
        assert back[0].value[1] is back[1]
    finally:
        jsonpickle.handlers.unregister(Registered)
    with pytest.raises(TypeError, match="lock"):
        json_pickle.serialize(Registered(1))


# -- refusals


def a_generator() -> Any:
    yield 1


def a_local_object() -> object:
    class Local:
        pass

    return Local()


def a_local_function() -> Callable[[], None]:
    def local() -> None: ...

    return local


class Deputy:
    """Passes for a class it is not."""


Deputy.__qualname__ = "Order"


@pytest.mark.parametrize(
    "make",
    [
        a_generator,
        threading.Lock,
        threading.RLock,
        threading.Event,
        queue.Queue,
        lambda: lambda: 1,
        a_local_function,
        a_local_object,
        lambda: type(a_local_object()),
        lambda: collections.defaultdict(lambda: 1),
        lambda: io.TextIOWrapper(io.BytesIO()),
        lambda: memoryview(b"x"),
        lambda: types.MappingProxyType({}),
        lambda: json,
        sys._getframe,
        Deputy,
    ],
)
def test_what_cannot_be_rebuilt_is_refused_wherever_it_is(make: Callable[[], Any]):
    refused = make()
    for value in (refused, [refused], {"a": (1, {"b": refused})}, {1: refused}, Order(1, [refused]), Plain(refused)):
        with pytest.raises(TypeError, match=r"Cannot serialize .+: .+\. [A-Z].+\."):
            json_pickle.serialize(value)


def test_an_open_file_is_refused(tmp_path):
    with (tmp_path / "data.txt").open("w") as file, pytest.raises(TypeError, match=r"TextIOWrapper.*a path"):
        json_pickle.serialize({"file": file})


def test_what_is_nested_too_deeply_is_refused():
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, (deep,)):
        with pytest.raises(ValueError, match="nested too deeply, or contains itself"):
            json_pickle.serialize(value)
    for text in ("[" * 100_000 + "]" * 100_000, '{"py/tuple":[' * 900 + "]}" * 900):
        with pytest.raises(ValueError, match="nested too deeply"):
            json_pickle.deserialize(text)


def test_errors_of_the_users_own_methods_are_not_hidden():
    class Broken:
        def __reduce__(self) -> str:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        json_pickle.serialize([Broken()])


# -- text that cannot be read here


@pytest.mark.parametrize(
    "flat",
    [
        {"py/object": "no_such_module.Thing", "x": 1},
        {"py/object": f"{__name__}.Missing"},
        {"py/type": "no_such_module.Thing"},
        {"py/function": f"{__name__}.missing"},
        {"py/reduce": [{"py/type": "no_such_module.Thing"}, {"py/tuple": []}]},
    ],
)
def test_a_class_that_is_missing_is_an_error_not_a_dictionary(flat: dict[str, Any]):
    for value in (flat, [flat], {"py/tuple": [flat]}, {"py/set": [flat]}):
        with pytest.raises(ValueError, match=r"(no_such_module|issing).* cannot be imported in this process"):
            json_pickle.deserialize(json.dumps(value))


def test_what_fails_inside_a_container_does_not_empty_it():
    unhashable = {"py/set": [[1]]}
    wrong_arguments = {"py/reduce": [{"py/type": f"{__name__}.KeywordError"}, {"py/tuple": []}]}
    for flat in (unhashable, wrong_arguments):
        for value in (
            flat,
            {"py/tuple": [flat]},
            {"py/set": [flat]},
            {"py/object": f"{__name__}.Order", "number": flat},
        ):
            with pytest.raises(TypeError):
                json_pickle.deserialize(json.dumps(value))


def test_damaged_bytes_are_an_error_not_empty():
    with pytest.raises(ValueError, match=r"base64|padding"):
        json_pickle.deserialize('{"py/b64":"@"}')


# -- libraries that may be there


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    y: int


class Model(BaseModel):
    x: int
    when: dt.datetime | None = None
    tags: set[str] = set()
    inner: "Model | None" = None
    other: FrozenModel | None = None
    _note: str = ""


def test_pydantic_models_come_back():
    model = Model(
        x=1, when=dt.datetime(2020, 1, 1, tzinfo=dt.UTC), tags={"b", "a"}, inner=Model(x=2), other=FrozenModel(y=3)
    )
    model._note = "private"
    back = there_and_back({"model": model})["model"]
    assert type(back) is Model
    assert back == model
    assert back._note == "private"
    assert back.model_fields_set == model.model_fields_set
    assert type(back.other) is FrozenModel
    assert back.inner == model.inner


def test_numpy_arrays_and_scalars_come_back():
    np = pytest.importorskip("numpy")
    arrays = [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([1.5, np.nan, np.inf], dtype=">f4"),
        np.array(["a", "bcd"]),
        np.array([("x", 1)], dtype=[("name", "U4"), ("number", "i4")]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.array([1, "a", None, (2,)], dtype=object),
        np.empty((0, 3)),
        np.array(5),
        np.arange(10)[::2],
    ]
    for one in arrays:
        back = there_and_back({"data": [one]})["data"][0]
        assert type(back) is np.ndarray
        assert back.dtype == one.dtype.newbyteorder("=")  # as with pickle
        assert back.shape == one.shape
        assert repr(back.tolist()) == repr(one.tolist())
        assert back.flags.writeable
    for scalar in (np.float64(1.5), np.int32(7), np.bool_(1), np.datetime64("2020-01-01"), np.dtype("f8"), np.add):
        assert is_same(there_and_back(scalar), scalar)


def test_a_million_numbers_are_written_as_one_buffer():
    np = pytest.importorskip("numpy")
    numbers = np.random.default_rng(1).random(1_000_000)
    text = json_pickle.serialize(numbers)
    assert len(text) < 1.34 * numbers.nbytes
    assert (json_pickle.deserialize(text) == numbers).all()
