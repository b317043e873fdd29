# mypy: ignore-errors
# pyright: basic
"""The same load by Locust, for teams that have it: pip install locust, then

locust -f benchmarks/examples/locustfile.py --headless -u 50 -r 10 -t 60s \
  --host http://127.0.0.1:3456 --chat-model auto

Locust measures whole answers; the first token is reported as a request of its own here.
"""

from __future__ import annotations

import time
from typing import Any

from locust import HttpUser, constant, events, task  # pyright: ignore[reportMissingImports]


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    """Adds --chat-model to Locust's own options."""
    parser.add_argument("--chat-model", default="chat")


class Chat(HttpUser):
    """A user who asks, reads the stream to its end, and asks again."""

    wait_time = constant(1)

    @task
    def ask(self) -> None:
        body: dict[str, Any] = {
            "model": self.environment.parsed_options.chat_model,
            "stream": True,
            "messages": [{"role": "user", "content": "Tell me about bridges."}],
        }
        started = time.perf_counter()
        first = 0.0
        with self.client.post(
            "/v1/chat/completions", json=body, stream=True, catch_response=True
        ) as answer:
            last = b""
            for line in answer.iter_lines():
                if not first and b'"content":"' in line and b'"content":""' not in line:
                    first = time.perf_counter() - started
                last = line or last
            if answer.status_code != 200 or last != b"data: [DONE]":
                answer.failure("the stream did not end with [DONE]")
        self.environment.events.request.fire(
            request_type="SSE",
            name="first token",
            response_time=first * 1e3,
            response_length=0,
            exception=None if first else TimeoutError("no token"),
        )
