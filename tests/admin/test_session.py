from __future__ import annotations

from hashlib import sha256
from http.cookies import SimpleCookie

import pytest
from aiohttp.test_utils import make_mocked_request

from proxy.admin.session import COOKIE, CSRF_HEADER, SESSION_SECONDS, TRIES, Sessions
from proxy.downstream.auth import Keyring
from tests.admin.house import house

ADMIN = '[auth]\nadmin_key = "env:ADMIN_KEY"'
KEY = "sk-admin-secret"


async def test_without_an_admin_key_this_machine_is_let_in() -> None:
    async with house() as it:
        assert await it.get("/ui/session") == {
            "signed_in": True, "key_needed": False, "csrf": None
        }  # fmt: skip
        status, _ = await it.call("GET", "/ui/session", headers={"Host": "evil.example"})
        assert status == 200
        shown = await it.call("GET", "/ui/session", headers={"Host": "evil.example"})
        assert shown[1]["signed_in"] is False


async def test_signing_in_opens_the_api_to_this_browser_only() -> None:
    async with house(extra=ADMIN) as it:
        assert (await it.get("/ui/session"))["signed_in"] is False
        assert (await it.call("GET", "/api/routes"))[0] == 401
        async with it.client.post("/ui/session", json={"key": KEY}) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"
            cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
            csrf = (await answer.json())["csrf"]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"]) == ("Strict", "/")
        assert KEY not in cookie.value
        assert sha256(KEY.encode()).hexdigest() not in cookie.value
        sent = {"Cookie": f"{COOKIE}={cookie.value}"}
        assert (await it.call("GET", "/api/routes", headers=sent))[0] == 200
        assert (await it.call("GET", "/ui/session", headers=sent))[1]["csrf"] == csrf
        # A write needs the seal as well: another site can make the browser send cookies only.
        for more, expected in (({}, 401), ({CSRF_HEADER: "x"}, 401), ({CSRF_HEADER: csrf}, 200)):
            status, _ = await it.call(
                "POST", "/api/breakers/reset", json={}, headers={**sent, **more}
            )
            assert status == expected
        wrong = {"Cookie": f"{COOKIE}={cookie.value}x"}
        assert (await it.call("GET", "/api/routes", headers=wrong))[0] == 401
        # A header decides before a cookie: a wrong key stays wrong.
        both = {**sent, "Authorization": "Bearer nope"}
        assert (await it.call("GET", "/api/routes", headers=both))[0] == 401


async def test_signing_out_needs_the_seal_and_clears_the_cookie() -> None:
    async with house(extra=ADMIN) as it:
        async with it.client.post("/ui/session", json={"key": KEY}) as answer:
            cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE].value
            csrf = (await answer.json())["csrf"]
        sent = {"Cookie": f"{COOKIE}={cookie}"}
        assert (await it.call("DELETE", "/ui/session", headers=sent))[0] == 403
        headers = {**sent, CSRF_HEADER: csrf}
        async with it.client.delete("/ui/session", headers=headers) as answer:
            assert answer.status == 200
            assert SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]["max-age"] == "0"


async def test_wrong_keys_are_counted_and_then_refused_unread() -> None:
    async with house(extra=ADMIN) as it:
        for _ in range(TRIES):
            status, answer = await it.call("POST", "/ui/session", json={"key": "guess"})
            assert (status, answer["error"]["code"]) == (401, "invalid_admin_key")
        async with it.client.post("/ui/session", json={"key": KEY}) as answer:
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("body", [{}, {"key": 1}, {"key": None}, {"key": "x" * 5000}])
async def test_what_is_no_key_is_a_400(body) -> None:
    async with house(extra=ADMIN) as it:
        assert (await it.call("POST", "/ui/session", json=body))[0] == 400


def test_a_session_ends_by_time_and_by_another_key() -> None:
    wall = [1_000_000.0]
    keys = [Keyring({}, sha256(b"one").digest())]
    sessions = Sessions(lambda: keys[0], lambda: 0.0, lambda: wall[0])
    end = f"{int(wall[0]) + SESSION_SECONDS}.nonce"
    token = f"{end}.{sessions._seal('session', end)}"

    def admitted(value: str) -> bool:
        request = make_mocked_request("GET", "/api/x", headers={"Cookie": f"{COOKIE}={value}"})
        return sessions.admits(request)

    assert admitted(token)
    assert not admitted(token.replace(str(SESSION_SECONDS + int(wall[0])), "9999999999"))
    assert not admitted("")
    assert not admitted(f"{end}.")
    keys[0] = Keyring({}, sha256(b"two").digest())
    assert not admitted(token)
    keys[0] = Keyring({}, None)
    assert not admitted(token)
    keys[0] = Keyring({}, sha256(b"one").digest())
    wall[0] += SESSION_SECONDS + 1
    assert not admitted(token)
