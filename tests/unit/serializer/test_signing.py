"""Signatures, without a store."""

import hashlib
import hmac
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynenc.exceptions import PayloadSignatureError
from pynenc.serializer.signing import ARGUMENTS, RESULT, NoSignatures, SignedPayloads

KEYS = {"new": "n" * 32, "old": "o" * 32}
texts = st.text(st.characters(), max_size=200)


def test_it_is_hmac_sha256_with_a_key_of_the_application():
    derived = hmac.digest(b"n" * 32, b"pynenc payloads 1\0shop", "sha256")
    wanted = b64encode(hmac.digest(derived, b"arguments\0tasks.add\0{}", hashlib.sha256)).decode()
    assert SignedPayloads(KEYS, "shop").seal(ARGUMENTS, "tasks.add", "{}") == f"~s1:new:{wanted}:{{}}"


@given(texts, texts)
def test_what_was_sealed_opens_for_the_same_use_only(of, text):
    signer = SignedPayloads(KEYS, "shop")
    sealed = signer.seal(RESULT, of, text)
    assert signer.open(RESULT, of, sealed) == text
    assert SignedPayloads(dict(reversed(KEYS.items())), "shop").open(RESULT, of, sealed) == text
    assert not signer.genuine(ARGUMENTS, of, sealed)
    assert not signer.genuine(RESULT, of + "x", sealed)
    assert not SignedPayloads(KEYS, "other").genuine(RESULT, of, sealed)
    assert not SignedPayloads({"old": KEYS["old"]}, "shop").genuine(RESULT, of, sealed)
    assert not SignedPayloads({"new": KEYS["old"]}, "shop").genuine(RESULT, of, sealed)


@given(texts, st.data())
def test_no_changed_character_goes_unseen(text, data):
    signer = SignedPayloads(KEYS, "shop", accept_unsigned=True)
    sealed = signer.seal(RESULT, "id", text)
    place = data.draw(st.integers(len("~s1:"), len(sealed) - 1))
    other = data.draw(st.characters().filter(lambda character: character != sealed[place]))
    assert not signer.genuine(RESULT, "id", sealed[:place] + other + sealed[place + 1 :])
    assert not signer.genuine(RESULT, "id", sealed[:place])


@given(texts)
def test_whatever_else_stands_there_is_refused_and_announced(text):
    told = []
    signer = SignedPayloads(KEYS, "shop", refused=told.append)
    for each in (text, "~s1:" + text, "~s1:new:" + text):
        with pytest.raises(PayloadSignatureError):
            signer.open(RESULT, "id", each)
    assert len(told) == 3
    assert all("result of id" in each for each in told)


def test_modes():
    sealed = SignedPayloads(KEYS, "shop").seal(RESULT, "id", "1")
    for sign in (True, False):
        signer = SignedPayloads(KEYS, "shop", accept_unsigned=True, sign=sign)
        assert signer.open(RESULT, "id", "1") == signer.open(RESULT, "id", sealed) == "1"
        assert not signer.genuine(RESULT, "id", sealed + "2")
    assert SignedPayloads(KEYS, "shop", sign=False).seal(RESULT, "id", "1") == "1"
    assert NoSignatures().open(RESULT, "id", "1") == NoSignatures().seal(RESULT, "id", "1") == "1"
    with pytest.raises(PayloadSignatureError, match="this process has no payload_signing_keys"):
        NoSignatures().open(RESULT, "id", sealed)
