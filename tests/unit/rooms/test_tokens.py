"""Session keys, secrets and signed seats."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import tracemalloc
from hmac import compare_digest
from pathlib import Path
from types import FrameType
from typing import Any

import jwt
import pytest

from gdpeer.rooms import tokens
from gdpeer.rooms.tokens import (
    LONGEST_RESUME,
    SeatClaims,
    SeatKeys,
    SeatRefused,
    check_seat,
    draw_jti,
    issue_seat,
    load_secrets,
    session_digest,
)

SECRET, OLD, OTHER = b"s" * 32, b"o" * 32, b"x" * 32
KEYS = SeatKeys(SECRET)
NOW = 1_800_000_000.0
CLAIMS = SeatClaims("K7Q2M3", "arena", 2, "j" * 22, NOW + 15, NOW + 3600, player="ann")
CONTENT: dict[str, Any] = {"rid": "K7Q2M3", "knd": "arena", "pid": 7, "jti": "j" * 22, "exp": NOW + 15, "rsm": NOW + 60}


def sign(content: object, secret: bytes = SECRET, header: object = None) -> str:
    """A token made without PyJWT, as a back end in another language makes it."""
    parts = [json.dumps(part).encode() for part in (header or {"alg": "HS256", "typ": "JWT"}, content)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret, text, "sha256")
    return f"{text.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def refusal(token: str, now: float = NOW, keys: SeatKeys = KEYS) -> str:
    with pytest.raises(SeatRefused) as caught:
        check_seat(keys, token, now)
    assert caught.value.status == 403
    assert not token or token not in str(caught.value)
    return caught.value.reason


def test_a_seat_comes_back_as_it_was_issued() -> None:
    assert check_seat(KEYS, issue_seat(KEYS, CLAIMS), NOW) == CLAIMS
    early = SeatClaims("K7Q2M3", "arena", 2, draw_jti(), NOW + 15, NOW + 15, not_before=NOW - 1)
    assert check_seat(KEYS, issue_seat(KEYS, early), NOW) == early


def test_the_claims_on_the_wire_have_the_names_that_back_ends_use() -> None:
    token = issue_seat(KEYS, CLAIMS)
    found = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False})
    assert found == CONTENT | {"pid": 2, "rsm": NOW + 3600, "plr": "ann"}
    assert list(found) == ["rid", "knd", "pid", "jti", "exp", "rsm", "plr"]


def test_any_program_with_the_secret_can_issue_a_seat() -> None:
    expected = SeatClaims("K7Q2M3", "arena", 7, "j" * 22, NOW + 15, NOW + 60)
    assert check_seat(KEYS, sign(CONTENT), NOW) == expected
    assert check_seat(KEYS, sign(CONTENT, header={"alg": "HS256", "kid": "mine"}), NOW) == expected
    assert check_seat(KEYS, jwt.encode(CONTENT, SECRET, "HS256"), NOW) == expected


def test_first_use_ends_at_exp_and_later_use_at_rsm() -> None:
    token = sign(CONTENT)
    check_seat(KEYS, token, NOW + 15).check_first_use(NOW + 15)
    claims = check_seat(KEYS, token, NOW + 16)
    with pytest.raises(SeatRefused, match="in time"):
        claims.check_first_use(NOW + 16)
    check_seat(KEYS, token, NOW + 60)
    assert refusal(token, NOW + 61) == "expired"


def test_rsm_ends_a_day_after_exp_at_most() -> None:
    found = check_seat(KEYS, sign(CONTENT | {"rsm": NOW + 1e6}), NOW)
    assert found.resume_until == NOW + 15 + LONGEST_RESUME


def test_nbf_counts() -> None:
    token = sign(CONTENT | {"nbf": NOW + 5})
    assert refusal(token) == "early"
    assert check_seat(KEYS, token, NOW + 5).not_before == NOW + 5


def test_a_seat_of_another_room_is_refused() -> None:
    CLAIMS.check_room("K7Q2M3", "arena")
    for code, kind in [("K7Q2M4", "arena"), ("K7Q2M3", "chess")]:
        with pytest.raises(SeatRefused) as caught:
            CLAIMS.check_room(code, kind)
        assert caught.value.reason == "other room"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "..",
        "a.b.c",
        "\udc80.é.c",
        sign(CONTENT, OTHER),
        sign(CONTENT)[:-4] + "AAAA",
        sign(CONTENT, header={"alg": "HS512"}),
        sign(CONTENT, header={"alg": ["HS256"]}),
        sign(CONTENT, header={"alg": "none"}),
        sign(CONTENT, header={"alg": "none"}).rpartition(".")[0] + ".",
        sign(CONTENT, header={"alg": "HS256", "b64": False, "crit": ["b64"]}),
        sign(CONTENT, header={"alg": "HS256", "crit": ["x"]}),
        sign(CONTENT, header=["HS256"]),
        sign(CONTENT) + "=",
        sign(CONTENT).replace(".", "", 1),
        sign(CONTENT) + ".",
        "." + sign(CONTENT),
        sign([1, 2]),
        sign("text"),
        jwt.encode({}, "", "none"),
        base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".e30.e30",
        "x" * 1_000_000,
        "é" * 100,
    ],
)
def test_a_token_that_was_not_signed_here_is_refused(token: str) -> None:
    assert refusal(token) in ("forged", "malformed")
    assert refusal(token, keys=SeatKeys(SECRET, OLD)) in ("forged", "malformed")


@pytest.mark.parametrize(
    "change",
    [
        {"rid": None},
        {"rid": 5},
        {"rid": ""},
        {"knd": ["arena"]},
        {"jti": "j" * 257},
        {"plr": 5},
        {"plr": ""},
        {"pid": 1},
        {"pid": 0},
        {"pid": -2},
        {"pid": 2**31},
        {"pid": True},
        {"pid": 2.0},
        {"pid": "2"},
        {"exp": "2099"},
        {"exp": True},
        {"exp": None},
        {"exp": 10**400},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"rsm": None},
        {"nbf": "now"},
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(change: dict[str, Any]) -> None:
    assert refusal(sign(CONTENT | change)) in ("malformed", "forged")


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"[" * 5000, b""])
def test_a_signed_text_that_is_no_json_is_refused(payload: bytes) -> None:
    text = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', payload))
    signature = base64.urlsafe_b64encode(hmac.digest(SECRET, text.encode(), "sha256")).decode().rstrip("=")
    assert refusal(f"{text}.{signature}") == "malformed"


def test_a_claim_that_is_missing_is_refused() -> None:
    for name in CONTENT:
        assert refusal(sign({key: value for key, value in CONTENT.items() if key != name})) == "malformed"
    assert refusal(sign(CONTENT | {"nested": [[]]})[:-1] + "?") == "forged"


def test_a_large_token_is_refused_before_it_is_decoded() -> None:
    token = sign(CONTENT | {"plr": "p" * 1_000_000})
    tracemalloc.start()
    try:
        for _ in range(10):
            with pytest.raises(SeatRefused):
                check_seat(KEYS, token, NOW)
        assert tracemalloc.get_traced_memory()[1] < 16_384
    finally:
        tracemalloc.stop()


def test_refusing_takes_the_same_work_wherever_the_signature_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are compared whole, by a function whose time does not depend on them; the rest runs the same lines."""
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    token = sign(CONTENT)
    at = token.rindex(".") + 1
    forged = [token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in (at, at + 40)]
    for text in forged:  # the first calls fill caches
        assert refusal(text) == "forged"
    del compared[:]
    first, last = (lines_run(text) for text in forged)
    assert first == last
    assert len(first) > 20
    assert compared == [(32, 32)] * 2


def lines_run(token: str) -> list[tuple[str, int]]:
    """Returns the lines of Python that run while a token is refused."""
    lines: list[tuple[str, int]] = []

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            lines.append((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        check_seat(KEYS, token, NOW)
    except SeatRefused:
        return lines
    finally:
        sys.settrace(before)
    raise AssertionError("the token was not refused")


def test_two_secrets_check_and_the_first_signs() -> None:
    both = SeatKeys(SECRET, OLD)
    assert check_seat(both, issue_seat(SeatKeys(OLD), CLAIMS), NOW) == CLAIMS
    assert check_seat(KEYS, issue_seat(both, CLAIMS), NOW) == CLAIMS
    assert refusal(issue_seat(SeatKeys(OLD), CLAIMS)) == "forged"  # once the rotation is over
    kids = {jwt.get_unverified_header(issue_seat(keys, CLAIMS))["kid"] for keys in (KEYS, both, SeatKeys(OLD))}
    assert len(kids) == 2
    assert "sss" not in repr(both)


def test_a_short_secret_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match=r"at least 32.*openssl rand"):
        SeatKeys(b"short")
    with pytest.raises(ValueError, match="has 31 bytes"):
        SeatKeys(SECRET, b"o" * 31)
    with pytest.raises(TypeError, match="must be bytes, not str"):
        SeatKeys("s" * 32)  # type: ignore[arg-type]


def test_session_keys_are_kept_as_digests() -> None:
    assert session_digest(b"key") == hashlib.sha256(b"key").digest()


# ------------------------------------------------------------------------------------------------ files


def test_secrets_come_from_a_file_or_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for content, expected in [
        (b"s" * 32 + b"\n", [SECRET]),
        (b"s" * 32 + b"\r\n" + b"o" * 32 + b"\r\n\n", [SECRET, OLD]),
        (b"\x00\xff\n" * 11, [b"\x00\xff\n" * 11]),
    ]:
        file.write_bytes(content)
        keys = load_secrets(file, {"GDPEER_SECRET": "ignored"})
        assert keys is not None
        assert list(keys.secrets()) == expected
    keys = load_secrets(environ={"GDPEER_SECRET": "s" * 32})
    assert keys is not None
    assert list(keys.secrets()) == [SECRET]
    assert load_secrets(environ={}) is None


def test_a_bad_file_or_variable_is_named_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for content in (b"", b"\n", b"hush", b"s" * 32 + b"\nhush", b"\n".join([SECRET, OLD, OTHER])):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=str(file)) as caught:
            load_secrets(file)
        assert "hush" not in str(caught.value)
    with pytest.raises(ValueError, match="GDPEER_SECRET: the secret has 4 bytes"):
        load_secrets(environ={"GDPEER_SECRET": "hush"})
    with pytest.raises(FileNotFoundError):
        load_secrets(tmp_path / "missing")


# ------------------------------------------------------------------------------------------------ without PyJWT


def test_without_pyjwt_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    tokens._hs256.cache_clear()
    for call in (lambda: issue_seat(KEYS, CLAIMS), lambda: check_seat(KEYS, "a.b.c", NOW)):
        with pytest.raises(ImportError, match=r"pip install gdpeer\[cluster\]"):
            call()
    assert len(session_digest(b"a key needs no PyJWT")) == 32
