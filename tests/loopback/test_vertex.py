"""Vertex through the running proxy: a token is fetched beside the traffic, and requests bear it."""

from __future__ import annotations

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

pytestmark = pytest.mark.loopback

SAID = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}


@pytest.fixture
def google():
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, self.headers.get("authorization", "")))
            if self.path == "/token":
                time.sleep(0.5)  # a request that comes before the token waits for it
            told = {"access_token": "fresh", "expires_in": 3600} if self.path == "/token" else SAID
            body = orjson.dumps(told)
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_requests_bear_the_token_of_the_credentials(proxy_process, google, tmp_path) -> None:
    url, asked = google
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s",
            "refresh_token": "r", "token_uri": f"{url}/token"}  # fmt: skip
    (tmp_path / "adc.json").write_bytes(orjson.dumps(user))
    base = f"{url}/v1/projects/p/locations/l/publishers/google"
    text = f'[local]\nenabled = false\n[[provider]]\nname = "vertex"\nbase_url = "{base}"\n'
    proxy = proxy_process(text, env={"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "adc.json")})
    connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=20)
    body = {"model": "vertex/gemini-3.8-flash", "messages": [{"role": "user", "content": "hi"}]}
    connection.request("POST", "/v1/chat/completions", orjson.dumps(body),
                       {"Content-Type": "application/json"})  # fmt: skip
    answer = connection.getresponse()
    assert answer.status == 200
    assert orjson.loads(answer.read())["choices"][0]["message"]["content"] == "Hi"
    connection.close()
    path = "/v1/projects/p/locations/l/publishers/google/models/gemini-3.8-flash:generateContent"
    assert asked == [("/token", ""), (path, "Bearer fresh")]
