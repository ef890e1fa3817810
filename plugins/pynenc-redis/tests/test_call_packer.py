"""Calls are packed in pieces, and what they share once; what comes out is what the whole record would be."""

from typing import Any

import pytest

from pynenc.testing.conformance.kit import NOW, call
from pynenc_redis import call_packer
from pynenc_redis.call_packer import CallPacker, record_of_new
from pynenc_redis.mapping import pack, packed_record, unpack

CALLS: list[dict[str, Any]] = [
    {},
    {"parent_id": "above", "workflow_id": "above", "workflow_type": "tasks.flow"},
    {"queue": "mail \udc80 \u00e4", "priority": -100, "running_key": "one", "registration_key": "two"},
    {"drop_when_blocked": True, "reply_to": None, "parent_workflow_id": "higher"},
    {"task_id": "t" * 300, "args_id": "no_args"},
]


@pytest.mark.parametrize("now", [NOW, NOW + 0.1234567])
@pytest.mark.parametrize("fields", CALLS)
def test_the_pieces_are_the_whole(fields: dict[str, Any], now: float) -> None:
    packer = CallPacker()
    for round_number in range(2):
        new = [call(f"{round_number}-{number}", arguments=f"[{number}]", **fields) for number in range(3)]
        packed = packer.pack(new, now)
        records = [record_of_new(each, now) for each in new]
        assert list(packed.records) == [packed_record(record) for record in records]
        entry = ("registered", new[0].registered_by, False, 0, now)
        assert packed.entry == pack(entry)[1:]
        assert unpack(pack([])[:0] + b"\x95" + packed.entry) == entry


def test_kinds_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_packer, "KINDS", 3)
    packer = CallPacker()
    for number in range(10):
        packer.pack([call("a", running_key=str(number))], NOW)
    assert len(packer._shared) <= 3
