"""Several answers in one stream: it is whole when the last of them is, however long that takes."""

from __future__ import annotations

import orjson
import pytest

from proxy.dialects.registry import dialect
from proxy.exchange import ANONYMOUS, Exchange
from proxy.upstream.delivery import _choices
from proxy.upstream.follow import CLOSING_SECONDS, Patience
from proxy.upstream.gather import Gather
from proxy.upstream.straight import Straight
from proxy.upstream.translated import Translated

CHAT = dialect("openai")
DONE = b"data: [DONE]\n\n"


def chunk(choice: int, delta: dict, reason: str | None = None) -> bytes:
    told = {"choices": [{"index": choice, "delta": delta, "finish_reason": reason}]}
    return b"data: %b\n\n" % orjson.dumps(told)


class Hand:
    """A wheel that is turned by the test."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def arm(self, seconds: float, call) -> Timer:
        timer = Timer(seconds, call)
        self.timers.append(timer)
        return timer

    def closing(self) -> list[Timer]:
        return [one for one in self.timers if one.seconds == CLOSING_SECONDS and one.armed]


class Timer:
    def __init__(self, seconds: float, call) -> None:
        self.seconds, self.call, self.armed = seconds, call, True

    def cancel(self) -> None:
        self.armed = False


class House:
    """Owner and sink in one."""

    def __init__(self, form: str, choices: int) -> None:
        self.sent = b""
        self.ends: list[str] = []
        self.wheel = Hand()
        patience = Patience(60.0, None, self.wheel, lambda: 0.0, choices)
        match form:
            case "straight":
                self.way = Straight(self, self, CHAT.decoder(), patience, plain=CHAT.plain,
                                    end_mark=DONE, strip_usage=False)  # fmt: skip
            case "translated":
                encoder = CHAT.encoder(id="c", model="m", created=1, include_usage=False)
                self.way = Translated(self, self, CHAT.decoder(), patience, encoder)
            case _:
                self.way = Gather(self, CHAT.decoder(), patience)
        self.way.begin((), b"")
        self.way.begun()

    def write(self, data: bytes) -> None:
        self.sent += data

    def complete(self) -> None:
        self.ends.append("complete")

    def broken(self, failure) -> None:
        self.ends.append(failure.kind.value)

    def spoken(self):
        if isinstance(self.way, Gather):
            return self.way.events
        return [event for frame in CHAT.decoder().feed(self.sent) for event in frame.events]


FORMS = ["straight", "translated", "gather"]
HALF = (chunk(0, {"content": "a"}), chunk(1, {"content": "b"}), chunk(0, {}, "stop"))


@pytest.mark.parametrize("form", FORMS)
def test_the_first_end_is_not_the_last(form: str) -> None:
    house = House(form, 2)
    for data in HALF:
        house.way.feed(data)
    assert not house.wheel.closing(), "the other one still speaks"
    house.way.feed(chunk(1, {"content": "c"}))
    house.way.feed(chunk(1, {}, "length"))
    assert house.wheel.closing()
    assert house.ends == []
    house.way.feed(DONE)
    assert house.ends == ["complete"]


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_that_breaks_before_the_last_end_is_broken(form: str) -> None:
    house = House(form, 2)
    for data in HALF:
        house.way.feed(data)
    house.way.close()
    assert house.ends == ["reset"]


@pytest.mark.parametrize("form", FORMS)
def test_fewer_answers_than_asked_for_are_whole_all_the_same(form: str) -> None:
    house = House(form, 3)
    for data in (*HALF, chunk(1, {}, "stop")):
        house.way.feed(data)
    assert not house.wheel.closing()
    house.way.close()
    assert house.ends == ["complete"]


@pytest.mark.parametrize("form", FORMS)
def test_one_answer_is_whole_soon_after_its_end(form: str) -> None:
    house = House(form, 1)
    house.way.feed(chunk(0, {"content": "a"}))
    house.way.feed(chunk(0, {}, "stop"))
    (timer,) = house.wheel.closing()
    timer.call()
    assert house.ends == ["complete"]


@pytest.mark.parametrize(
    ("body", "dropped", "many"),
    [
        ({}, (), 1),
        ({"n": None}, (), 1),
        ({"n": 3}, (), 3),
        ({"n": 3}, ("n",), 1),
        ({"prompt": "a", "n": 2}, (), 2),
        ({"prompt": ["a", "b"], "n": 2}, (), 4),
        ({"prompt": [1, 2, 3]}, (), 1),
        ({"prompt": [[1], [2]]}, (), 2),
        ({"prompt": []}, (), 1),
    ],
)
def test_how_many_are_asked_for(body, dropped, many: int) -> None:
    exchange = Exchange("chat", body, ANONYMOUS, 0.0)
    exchange.dropped = dropped
    assert _choices(exchange) == many
