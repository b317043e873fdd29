"""Who may call: every way to show a key, and every way to seem to."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.loopback

KEY = "sk-client-0123456789"

REFUSED: dict[str, tuple[str, ...]] = {
    "none": (),
    "empty": ("Authorization:",),
    "scheme-only": ("Authorization: Bearer",),
    "blank-key": ("Authorization: Bearer    ",),
    "wrong": ("Authorization: Bearer sk-other",),
    "prefix": (f"Authorization: Bearer {KEY[:-1]}",),
    "longer": (f"Authorization: Bearer {KEY}0",),
    "other-case": (f"Authorization: Bearer {KEY.upper()}",),
    "no-scheme": (f"Authorization: {KEY}",),
    "basic": (f"Authorization: Basic {KEY}",),
    "basic-encoded": ("Authorization: Basic c2stY2xpZW50LTAxMjM0NTY3ODk6",),
    "quoted": (f'Authorization: Bearer "{KEY}"',),
    "list": (f"Authorization: Bearer sk-other, Bearer {KEY}",),
    "two-words": (f"Authorization: Bearer {KEY} x",),
    "other-header": (f"X-Authorization: Bearer {KEY}",),
    "underscore": (f"X_Api_Key: {KEY}",),
    "wrong-api-key": ("X-Api-Key: sk-other",),
    "latin": ("Authorization: Bearer cl\u00e9",),
    "provider-key": ("Authorization: Bearer sk-provider-0123456789",),
    "wrong-beside-right": ("Authorization: Bearer sk-other", f"X-Api-Key: {KEY}"),
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED.keys())
def test_no_valid_key_is_401_in_shape(
    locked_lane, exchange, refusal, upstream, post, ask, lines
) -> None:
    answer = refusal(exchange(locked_lane.address, post(ask(), *lines)), upstream, status=[401])
    assert answer.json["error"]["code"] == "invalid_api_key"
    assert answer.json["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    "lines",
    [
        (f"Authorization: Bearer {KEY}", f"Authorization: Bearer {KEY}"),
        ("Authorization: Bearer sk-other", f"Authorization: Bearer {KEY}"),
        (f"Authorization: Bearer {KEY}", "Authorization: Bearer sk-other"),
        (f"X-Api-Key: {KEY}", "X-Api-Key: sk-other"),
    ],
    ids=["same", "wrong-first", "wrong-last", "api-key"],
)
def test_a_key_given_twice_is_refused(
    locked_lane, exchange, refusal, upstream, post, ask, lines
) -> None:
    answer = refusal(exchange(locked_lane.address, post(ask(), *lines)), upstream)
    assert answer.status in (400, 401)


@pytest.mark.parametrize(
    "lines",
    [
        (f"Authorization: Bearer {KEY}",),
        (f"authorization: bearer {KEY}",),
        (f"AUTHORIZATION: BEARER {KEY}",),
        (f"Authorization:   Bearer   {KEY}  ",),
        (f"X-Api-Key: {KEY}",),
    ],
    ids=["plain", "lower", "upper", "spaces", "api-key"],
)
def test_the_key_is_exact_and_its_scheme_is_not(
    locked_lane, exchange, answers, upstream, post, ask, lines
) -> None:
    (answer,) = answers(exchange(locked_lane.address, post(ask(), *lines)))
    assert answer.status == 200
    assert len(upstream.requests) == 1


def test_a_key_in_the_query_or_the_body_is_none(
    locked_lane, exchange, refusal, upstream, post, ask
) -> None:
    data = post(ask(api_key=KEY), path=f"/v1/chat/completions?api_key={KEY}&key={KEY}")
    answer = refusal(exchange(locked_lane.address, data), upstream)
    assert answer.json["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "body", [b"{bad", b"", b'{"model":"nobody","messages":[{"role":"user","content":"x"}]}']
)
def test_a_stranger_learns_nothing_of_models_or_bodies(
    locked_lane, exchange, refusal, upstream, post, body: bytes
) -> None:
    answer = refusal(exchange(locked_lane.address, post(body)), upstream)
    assert answer.status == 401


@pytest.mark.parametrize("path", ["/v1/models", "/v1/completions", "/chat/completions"])
def test_no_path_is_open_without_a_key(locked_lane, exchange, refusal, upstream, path: str) -> None:
    method = "GET" if path.endswith("models") else "POST"
    data = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    assert refusal(exchange(locked_lane.address, data), upstream).status == 401


def test_liveness_needs_no_key_and_tells_nothing(locked_lane, exchange, answers, keys) -> None:
    raw = exchange(locked_lane.address, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    (answer,) = answers(raw)
    assert answer.status == 200
    assert len(answer.body) < 300
    assert not any(key.encode() in raw for key in keys)


def test_no_key_is_ever_logged(locked_lane, exchange, post, ask, keys) -> None:
    for lines in (*REFUSED.values(), (f"Authorization: Bearer {KEY}",)):
        exchange(locked_lane.address, post(ask(), *lines))
    said = locked_lane.output()
    assert not any(key in said for key in keys)
    assert "sk-other" not in said
    assert "Traceback" not in said


def test_no_origin_is_ever_allowed(lane, exchange, answers, post, ask) -> None:
    lines = ("Origin: http://evil.example", "Access-Control-Request-Method: POST")
    (answer,) = answers(exchange(lane.address, post(ask(), *lines)))
    assert not any(name.startswith("access-control-") for name in answer.headers)
    preflight = "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + "\r\n".join(
        [*lines, "", ""]
    )
    (answer,) = answers(exchange(lane.address, preflight.encode()))
    assert answer.status >= 400
    assert not any(name.startswith("access-control-") for name in answer.headers)
