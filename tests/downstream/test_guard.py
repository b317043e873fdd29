"""The guard in front of aiohttp: a client that leaves is heard of before aiohttp's task is."""

from __future__ import annotations

import asyncio

from proxy.downstream.guard import Guard


class Heard:
    """An aiohttp handler and the answer it gives, as far as a lost connection concerns them."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def connection_made(self, transport: object) -> None:
        self.order.append("made")

    def connection_lost(self, exc: Exception | None) -> None:
        self.order.append("handler lost")

    def cancel(self) -> None:
        self.order.append("answer cancelled")


def guarded(heard: Heard) -> Guard:
    guard = Guard(heard, lambda: 0.0, lambda _: b"", lambda _: heard.order.append("gone"), 1024)
    guard.connection_made(asyncio.Transport())
    return guard


def test_an_answer_is_called_off_in_the_call_that_tells_of_the_client() -> None:
    heard = Heard()
    guard = guarded(heard)
    guard.answering = heard
    guard.connection_lost(None)
    assert heard.order == ["made", "answer cancelled", "gone", "handler lost"]
    assert guard.answering is None


def test_a_connection_without_an_answer_is_only_given_up() -> None:
    heard = Heard()
    guarded(heard).connection_lost(None)
    assert heard.order == ["made", "gone", "handler lost"]
