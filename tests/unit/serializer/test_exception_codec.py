"""Recorded exceptions: whatever was raised, something can be raised again that says what it was."""

import dataclasses
import enum
import json
import sqlite3
import subprocess
import sys
import threading
import uuid
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from pynenc.exceptions import (
    CycleDetectedError,
    InvocationDroppedError,
    InvocationStatusTransitionError,
    PynencError,
    RetryError,
    TaskError,
)
from pynenc.serializer import BaseSerializer, JsonPickleSerializer, JsonSerializer, PickleSerializer
from pynenc.serializer.exception_codec import (
    MAX_MESSAGE_CHARACTERS,
    MAX_PAYLOAD_CHARACTERS,
    ExceptionRecord,
    describe_exception,
    dump_exception,
    load_exception,
    rebuild_exception,
)


class WordsSerializer(BaseSerializer):
    """Somebody's own, which knows little and fails in its own way."""

    def serialize(self, obj: Any) -> str:
        if not isinstance(obj, str):
            raise LookupError(obj)  # noqa: TRY004 - its own way
        return obj

    def deserialize(self, text: str) -> Any:
        return text


SERIALIZERS = [JsonPickleSerializer(), JsonSerializer(), PickleSerializer()]
every_serializer = pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda one: type(one).__name__)


class State(enum.Enum):
    OPEN = "open"


class PlainError(Exception):
    pass


class KeywordError(Exception):
    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class SilentError(Exception):
    """Says its text from attributes, and passes nothing on to Exception."""

    def __init__(self, *, code: int) -> None:
        super().__init__()
        self.code = code

    def __str__(self) -> str:
        return f"code {self.code}"


class NewError(Exception):
    def __new__(cls, *, code: int) -> Self:
        return super().__new__(cls, code)

    def __init__(self, *, code: int) -> None:
        self.code = code


class PathError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "gone", path)
        self.note = "mine"


class SlotError(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class WhyError(RetryError):
    def __init__(self, *, why: str) -> None:
        super().__init__(f"{why}!")
        self.why = why


class Shop(BaseModel):
    size: int


class Truthless(Exception):  # noqa: N818 - the name is the point
    def __bool__(self) -> bool:
        return False


def raised(function: Any, *args: Any) -> BaseException:
    with pytest.raises(Exception) as info:  # noqa: PT011 - any
        function(*args)
    info.value.__traceback__ = None
    return info.value


EXCEPTIONS = [
    ValueError("x"),
    KeyError("k"),
    KeyError(),
    Exception(),
    FileNotFoundError(2, "gone", "/f"),
    ImportError("no", name="n", path="p"),
    StopIteration(4),
    PlainError("a", 1, None),
    KeywordError(3, detail="d"),
    SilentError(code=4),
    NewError(code=5),
    PathError("/f"),
    SlotError(6),
    FrozenError(7),
    PlainError(State.OPEN),
    WhyError(why="because"),
    RetryError("later"),
    TaskError("module.task", "wrong"),
    InvocationDroppedError("id", "dropped"),
    InvocationStatusTransitionError(State.OPEN, State.OPEN, [State.OPEN]),
    PynencError("plain", 1),
    sqlite3.OperationalError("database is locked"),
    subprocess.CalledProcessError(1, ["a", "b"]),
    raised(json.loads, "{"),
    ExceptionGroup("two", [ValueError(1), PlainError(2)]),
]


@every_serializer
@pytest.mark.parametrize("exc", EXCEPTIONS, ids=lambda exc: f"{type(exc).__name__}-{exc}")
def test_class_message_arguments_and_attributes_survive(exc: BaseException, serializer: BaseSerializer):
    back = load_exception(dump_exception(exc, serializer), serializer)
    assert type(back) is type(exc)
    assert str(back) == str(exc)
    assert repr(back.args) == repr(exc.args)
    assert vars(back) == vars(exc)
    with pytest.raises(type(exc)):
        raise back


@every_serializer
def test_slots_and_fields_of_c_survive(serializer: BaseSerializer):
    def back(exc: BaseException) -> Any:
        return load_exception(dump_exception(exc, serializer), serializer)

    assert back(SlotError(6)).code == 6
    assert back(ImportError("no", name="n", path="p")).name == "n"
    assert back(PathError("/f")).filename == "/f"
    assert back(StopIteration(4)).value == 4


def test_an_error_of_a_library_written_in_rust_survives_where_text_is_trusted():
    exc: Any = raised(Shop.model_validate, {"size": "big"})
    for serializer in (JsonPickleSerializer(), PickleSerializer()):
        back = load_exception(dump_exception(exc, serializer), serializer)
        assert isinstance(back, ValidationError)
        assert back.errors() == exc.errors()
    back = load_exception(dump_exception(exc, JsonSerializer()), JsonSerializer())
    assert type(back) is ValueError
    assert str(back) == f"ValidationError: {exc}"


@every_serializer
def test_fields_that_cannot_be_serialized_become_text(serializer: BaseSerializer):
    lock = threading.Lock()
    exc = KeywordError(3, detail="d")
    exc.args = (lock, 5)
    vars(exc)["lock"] = lock
    back = load_exception(dump_exception(exc, serializer), serializer)
    assert type(back) is KeywordError
    assert (back.code, back.detail, back.args[1]) == (3, "d", 5)
    assert vars(back)["lock"] == back.args[0] == str(lock)
    assert str(exc) in "\n".join(back.__notes__)


def test_fields_of_pynenc_errors_survive_as_text_where_json_has_no_form_for_them():
    exc = TaskError(uuid.UUID(int=1), "wrong")
    back = load_exception(dump_exception(exc, JsonSerializer()), JsonSerializer())
    assert type(back) is TaskError
    assert back.task_id == str(uuid.UUID(int=1))
    assert str(back) == str(exc)
    exc = CycleDetectedError(["a", "b"])
    assert str(load_exception(dump_exception(exc, JsonSerializer()), JsonSerializer())) == str(exc)


@every_serializer
def test_a_class_that_cannot_be_found_is_replaced_by_its_nearest_base(serializer: BaseSerializer):
    class LocalError(KeywordError, LookupError):
        pass

    class NoBaseError(Exception):
        pass

    back = load_exception(dump_exception(LocalError(1, detail="d"), serializer), serializer)
    assert type(back) is KeywordError
    assert str(back) == f"{LocalError.__qualname__}: 1: d"
    back = load_exception(dump_exception(NoBaseError("x"), serializer), serializer)
    assert type(back) is RuntimeError
    assert str(back) == f"{NoBaseError.__qualname__}: x"


def test_a_base_that_cannot_be_made_is_passed_over():
    record = ExceptionRecord(
        type_module="gone",
        type_qualname="Gone",
        message="m",
        bases=("gone:Base", f"{__name__}:SilentError", "builtins:UnicodeDecodeError", "builtins:ValueError"),
    )
    back = rebuild_exception(record, JsonSerializer(), trusted=True)
    assert type(back) is ValueError
    assert str(back) == "Gone: m"


@pytest.mark.parametrize("serializer", [*SERIALIZERS, WordsSerializer()], ids=lambda one: type(one).__name__)
def test_nothing_that_an_exception_holds_makes_recording_fail(serializer: BaseSerializer):
    class Poison:
        def __reduce__(self) -> str:
            raise MemoryError

        def __repr__(self) -> str:
            raise LookupError

        __str__ = __repr__

    class MuteError(ValueError):
        def __str__(self) -> str:
            raise LookupError

    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    loop = PlainError("loop")
    vars(loop)["itself"] = loop
    loop.__cause__ = loop

    class DelegatingError(Exception):
        def __getattr__(self, name: str) -> object:
            raise LookupError(name)

    for exc in (
        PlainError(Poison()),
        MuteError("x"),
        PlainError(deep),
        loop,
        PlainError(lambda: 1),
        PlainError("\udce9"),
        DelegatingError(),
    ):
        text = dump_exception(exc, serializer)
        text.encode()
        back = load_exception(text, serializer)
        assert type(exc).__name__ in f"{type(back).__name__}: {back}"


def test_the_message_survives_a_serializer_that_knows_no_exceptions():
    serializer = WordsSerializer()
    back = load_exception(dump_exception(PlainError("sad"), serializer), serializer)
    assert type(back) is PlainError
    assert str(back) == "sad"
    back = load_exception(dump_exception(SilentError(code=1), serializer), serializer)
    assert type(back) is RuntimeError
    assert str(back) == "SilentError: code 1"


@every_serializer
def test_notes_survive_and_causes_become_a_note(serializer: BaseSerializer):
    exc = KeywordError(1, detail="d")
    exc.add_note("look here")
    exc.__cause__ = Truthless("middle")
    exc.__cause__.__context__ = KeyError("first")
    record = describe_exception(exc, serializer)
    assert record.notes == ("look here",)
    assert record.causes == ("Truthless: middle", "KeyError: 'first'")
    back = load_exception(dump_exception(exc, serializer), serializer)
    assert back.__notes__[0] == "look here"
    assert back.__notes__[1].endswith("by Truthless: middle, which was caused by KeyError: 'first'")
    again = load_exception(dump_exception(back, serializer), serializer)
    assert again.__notes__ == back.__notes__


@every_serializer
def test_notes_survive_on_classes_that_allow_no_assignment(serializer: BaseSerializer):
    exc = FrozenError(7)
    vars(exc)["__notes__"] = ["look here"]
    assert load_exception(dump_exception(exc, serializer), serializer).__notes__ == ["look here"]


def test_a_suppressed_context_is_no_cause():
    def convert() -> None:
        try:
            {}["k"]
        except KeyError:
            raise ValueError("v") from None

    assert describe_exception(raised(convert), JsonSerializer()).causes == ()


def test_records_are_bounded():
    exc = PlainError("x" * (MAX_PAYLOAD_CHARACTERS + 1))
    exc.__notes__ = ["n" * (MAX_MESSAGE_CHARACTERS + 1)] * 1000
    exc.__cause__ = cause = PlainError()
    for _ in range(100):
        cause.__cause__ = cause = PlainError()
    record = describe_exception(exc, JsonPickleSerializer())
    assert len(record.message) == MAX_MESSAGE_CHARACTERS
    assert record.payload is None
    assert len(record.notes) == 50
    assert len(record.causes) == 10
    assert len(str(rebuild_exception(record, JsonPickleSerializer(), trusted=True))) == MAX_MESSAGE_CHARACTERS


# -- trust


CALLS: list[object] = []


class TrapError(Exception):
    def __init__(self, *args: object) -> None:
        CALLS.append(args)

    @property
    def code(self) -> int:
        CALLS.append("get")
        return 1

    @code.setter
    def code(self, value: int) -> None:
        CALLS.append(value)


class Quit(BaseException):
    pass


def trip(*args: object) -> None:
    CALLS.append(args)


def test_rebuilding_runs_no_code_of_the_class():
    CALLS.clear()
    record = ExceptionRecord(
        type_module=__name__, type_qualname="TrapError", message="x", payload='{"args": ["x"], "state": {"code": 3}}'
    )
    assert type(rebuild_exception(record, JsonSerializer(), trusted=False)) is TrapError
    assert CALLS == []


_names = st.sampled_from(
    [
        *(f"{__name__}:{name}" for name in ("trip", "Quit", "CALLS.append")),
        *("os:system", "builtins:eval", "builtins:SystemExit", "builtins:object", "wsgiref.headers:Headers"),
        *("gone:Gone", "", ":"),
    ]
)


@given(
    _names,
    st.lists(_names, max_size=3),
    st.sampled_from([None, "", "{}", "3", '{"args": ["true"], "state": {}}', '{"exception": 1}']),
)
@settings(max_examples=200)
def test_an_untrusted_record_names_imported_exceptions_only(name: str, bases: list[str], payload: str | None):
    CALLS.clear()
    module, _, qualname = name.partition(":")
    record = ExceptionRecord(
        type_module=module, type_qualname=qualname, message="m", payload=payload, bases=tuple(bases)
    )
    back = rebuild_exception(record, JsonSerializer(), trusted=False)
    assert type(back) is RuntimeError
    assert str(back) == f"{qualname}: m"
    assert CALLS == []
    assert "wsgiref.headers" not in sys.modules


def test_what_is_no_exception_is_raised_as_one_only_where_text_is_trusted():
    for exc in (SystemExit(3), Quit("now")):
        assert type(load_exception(dump_exception(exc, JsonPickleSerializer()), JsonPickleSerializer())) is type(exc)
        assert type(load_exception(dump_exception(exc, JsonSerializer()), JsonSerializer())) is RuntimeError


def test_a_trusted_record_may_import_the_module_of_its_class(tmp_path, monkeypatch):
    (tmp_path / "codec_shop_errors.py").write_text("class ShopError(Exception): pass\n")
    (tmp_path / "codec_broken.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(tmp_path)
    payload = JsonPickleSerializer().serialize({"args": ["closed"], "state": {}})
    record = ExceptionRecord(
        type_module="codec_shop_errors", type_qualname="ShopError", message="closed", payload=payload
    )
    back = rebuild_exception(record, JsonPickleSerializer(), trusted=True)
    assert type(back).__name__ == "ShopError"
    assert back.args == ("closed",)
    monkeypatch.delitem(sys.modules, "codec_shop_errors")
    record = dataclasses.replace(record, type_module="codec_broken")
    assert str(rebuild_exception(record, JsonPickleSerializer(), trusted=True)) == "ShopError: closed"


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"type_module": 1, "type_qualname": 2}', "null"])
def test_a_damaged_record_still_gives_something_to_raise(text: str):
    back = load_exception(text, JsonSerializer())
    assert type(back) is RuntimeError
    assert "cannot be read here" in str(back)


_fields = st.sampled_from([field.name for field in dataclasses.fields(ExceptionRecord)])
_wrong = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=2)


@given(st.dictionaries(_fields, _wrong))
@settings(max_examples=200)
def test_any_json_gives_something_to_raise(fields: dict[str, Any]):
    assert isinstance(load_exception(json.dumps(fields), JsonSerializer()), RuntimeError)
