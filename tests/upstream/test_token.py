"""Google's tokens: asked for with whatever credentials there are, and kept fresh."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs

import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from proxy import catalog, google, live
from proxy.config import ConfigError, parse
from proxy.google import Credentials
from proxy.upstream import token as module
from proxy.upstream.token import Refused, Token

KEY = generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ACCOUNT = {
    "type": "service_account",
    "project_id": "acme",
    "private_key_id": "k1",
    "private_key": PEM,
    "client_email": "robot@acme.iam.gserviceaccount.com",
}
USER = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "hush",
    "refresh_token": "again",
    "quota_project_id": "mine",
}


class Server:
    """Google's token server and metadata server, on loopback."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []
        self.answers: list[tuple[int, bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        self.asked.append((request.method, dict(request.headers), form))
        body = orjson.dumps({"access_token": f"t{len(self.asked)}", "expires_in": 3600})
        status, body = self.answers.pop(0) if self.answers else (200, body)
        return web.Response(status=status, body=body, content_type="application/json")


@pytest.fixture
async def server():
    one = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    yield one
    await runner.cleanup()


def token_of(told: dict, url: str) -> Token:
    return Token(google.read(orjson.dumps({**told, "token_uri": url}).decode()), lambda: 1e9, None)


def unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_service_account_signs_what_it_claims(server: Server) -> None:
    token = token_of(ACCOUNT, server.url)
    assert token.sign("POST", "h", "/", b"") == b""
    assert await token.renew() == 3300
    assert token.sign("POST", "h", "/", b"") == b"Authorization: Bearer t1\r\n"
    _, _, form = server.asked[0]
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claim, proof = form["assertion"][0].split(".")
    KEY.public_key().verify(unpacked(proof), f"{head}.{claim}".encode(), PKCS1v15(), SHA256())
    assert orjson.loads(unpacked(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert orjson.loads(unpacked(claim)) == {
        "iss": ACCOUNT["client_email"],
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": server.url,
        "iat": 10**9,
        "exp": 10**9 + 3600,
    }


async def test_a_user_shows_what_gcloud_left(server: Server) -> None:
    await token_of(USER, server.url).renew()
    assert server.asked[0][2] == {
        "grant_type": ["refresh_token"],
        "client_id": ["id"],
        "client_secret": ["hush"],
        "refresh_token": ["again"],
    }


async def test_a_machine_asks_its_own_server(server: Server) -> None:
    token = Token(Credentials("metadata", server.url), lambda: 0.0, None)
    await token.renew()
    method, headers, _ = server.asked[0]
    assert (method, headers["Metadata-Flavor"]) == ("GET", "Google")
    assert token.line == b"Authorization: Bearer t1\r\n"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"error":"invalid_grant","error_description":"expired"}', "HTTP 400 expired"),
        (500, b"{}", "HTTP 500"),
        (200, b"{}", "not what it should be"),
        (200, b'{"access_token":"","expires_in":1}', "no token"),
        (200, b"<html>", "not what it should be"),
        (200, b"[]", "not what it should be"),
    ],
)
async def test_what_is_no_token_is_told(server: Server, status, body, words) -> None:
    server.answers = [(status, body)]
    with pytest.raises(Refused, match=words):
        await token_of(USER, server.url).renew()


async def test_it_is_renewed_and_asked_for_again(server: Server, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.01,))
    short = orjson.dumps({"access_token": "short", "expires_in": 0})
    server.answers = [(503, b"{}"), (200, short)]
    token = token_of(USER, server.url)
    task = asyncio.create_task(token.keep())
    async with asyncio.timeout(10):
        while token.line != b"Authorization: Bearer t3\r\n":
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(server.asked) == 3


async def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(Refused, match="Connect"):
        await token_of(USER, "http://127.0.0.1:9/token").renew()


# ---- the configuration ---------------------------------------------------------------------------


def vertex(environ: dict[str, str], text: str = "") -> catalog.Provider | None:
    return catalog.providers(parse(text, "f.toml", environ), environ).get("vertex")


def test_googles_own_variable_enables_vertex(tmp_path) -> None:
    path = tmp_path / "adc.json"
    path.write_bytes(orjson.dumps(ACCOUNT))
    one = vertex({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert one is not None
    assert one.google is not None
    assert (one.auth, one.google.kind) == ("google", "service_account")
    assert "/projects/acme/" in one.path
    assert "PRIVATE" not in repr(one)
    other = vertex({"GOOGLE_APPLICATION_CREDENTIALS": str(path), "GOOGLE_CLOUD_PROJECT": "q"})
    assert other is not None
    assert "/projects/q/" in other.path


def test_what_was_meant_for_others_is_left_alone(tmp_path) -> None:
    path = tmp_path / "external.json"
    path.write_text('{"type": "external_account"}')
    for found in (str(path), str(tmp_path / "absent")):
        assert (
            vertex({"GOOGLE_APPLICATION_CREDENTIALS": found, "GOOGLE_CLOUD_PROJECT": "p"}) is None
        )


def test_a_key_may_be_the_file_itself_and_a_machine_needs_none(tmp_path) -> None:
    (tmp_path / "sa.json").write_bytes(orjson.dumps(USER))
    text = f'[[provider]]\nname = "vertex"\nkey = "file:{tmp_path}/sa.json"\n'
    one = vertex({}, text)
    assert one is not None
    assert one.google is not None
    assert (one.google.kind, "/projects/mine/" in one.path) == ("authorized_user", True)
    machine = vertex(
        {"GOOGLE_CLOUD_PROJECT": "p"}, '[[provider]]\nname = "vertex"\nauth = "google"\n'
    )
    assert machine is not None
    assert machine.google == google.FROM_METADATA
    plain = vertex({"VERTEX_ACCESS_TOKEN": "t", "GOOGLE_CLOUD_PROJECT": "p"})
    assert plain is not None
    assert plain.google is None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("{", "are not JSON"),
        ('{"type": "external_account"}', "must be of type service_account or authorized_user"),
        ('{"type": "authorized_user", "client_id": "i"}', "lack client_secret and refresh_token"),
        (orjson.dumps({**ACCOUNT, "private_key": "x"}).decode(), "private_key is no key"),
        (orjson.dumps({**USER, "token_uri": "gopher:x"}).decode(), "token_uri must be a URL"),
    ],
)
def test_credentials_that_cannot_be_used_are_named(tmp_path, told: str, words: str) -> None:
    (tmp_path / "sa.json").write_text(told)
    text = f'[[provider]]\nname = "vertex"\nauth = "google"\nkey = "file:{tmp_path}/sa.json"\n'
    with pytest.raises(ConfigError, match=words):
        vertex({"GOOGLE_CLOUD_PROJECT": "p"}, text)


async def test_check_live_says_why_there_is_no_token(server: Server, tmp_path) -> None:
    server.answers = [(400, b'{"error_description":"Token has been revoked"}')]
    (tmp_path / "sa.json").write_bytes(orjson.dumps({**USER, "token_uri": server.url}))
    text = f'[[provider]]\nname = "vertex"\nkey = "file:{tmp_path}/sa.json"\n'
    text += "[local]\nenabled = false\n"
    (line,) = await live.check(parse(text, "f.toml", {}), {})
    assert (line.verdict.state, line.works) == ("refused", False)
    assert "Token has been revoked" in line.verdict.note
