"""What cannot be emitted is said where it is emitted."""

from enum import Enum
from typing import Any

import pytest

from pynenc import Pynenc
from pynenc.trigger import on_event


class Code(str, Enum):  # noqa: UP042 - as many programs have it
    PAID = "paid"


@pytest.fixture(params=[False, True], ids=["stored", "sync mode"])
def app(request):
    made = Pynenc({"app_id": "emits", "dev_mode_force_sync_tasks": request.param})
    yield made
    made.close()


@pytest.mark.parametrize("code", [None, 5, b"paid", ("paid",)])
def test_a_code_that_is_no_text(app, code: Any):
    with pytest.raises(TypeError, match="is no event code: it is a text"):
        app.trigger.emit_event(code)
    with pytest.raises(TypeError, match="is no event code: it is a text"):
        on_event(code)


def test_no_code(app):
    with pytest.raises(ValueError, match="event code is empty"):
        app.trigger.emit_event("")
    with pytest.raises(ValueError, match="event code is empty"):
        on_event("")


@pytest.mark.parametrize("payload", [[1, 2], 5, "text", 0, [], [("a", 1)]])
def test_a_payload_that_is_no_mapping(app, payload: Any):
    with pytest.raises(TypeError, match=f"'paid' was not emitted: its payload is {type(payload).__name__}, and must"):
        app.trigger.emit_event("paid", payload)
    assert app.trigger.get_events() == []


def test_a_member_of_an_enumeration_is_the_text_it_is():
    app = Pynenc({"app_id": "emits"})
    app.trigger.emit_event(Code.PAID)
    assert [event.event_code for event in app.trigger.get_events(event_code="paid")] == ["paid"]
    [condition] = on_event(Code.PAID).build("m.t").condition.conditions
    assert condition.sources() == {"event:paid"}
    app.close()
