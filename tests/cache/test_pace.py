from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.cache.pace import LONGEST_S, UNKNOWN_PER_S, Paced, pace_of
from proxy.exchange import ANONYMOUS, Exchange
from proxy.timing import Wheel

FRAMES = [b"data: %d\n\n" % number for number in range(20)]


class Handle:
    def cancel(self) -> None: ...


class Scene:
    """A replay, the clock it goes by, and the client."""

    def __init__(self, per_s: float = 10.0) -> None:
        self.now_s = 100.0
        self.wheel = Wheel(lambda: self.now_s, self._call_at)
        self.body = b""
        self.ended = False
        self.accounted: list[str] = []
        self.exchange = Exchange("openai", {}, ANONYMOUS, 0.0)
        self.exchange.outcome = "ok"
        self.paced = Paced(
            self.exchange,
            self,
            FRAMES,
            per_s,
            self.wheel,
            lambda: self.now_s,
            lambda exchange: self.accounted.append(exchange.outcome),
        )
        self.paced.start(200, b"")

    @staticmethod
    def _call_at(_when_s: float, _callback: Callable[[], None]) -> Handle:
        return Handle()

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 0.01
            self.wheel.tick()

    @property
    def frames(self) -> int:
        return self.body.count(b"\n\n")

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        assert status == 200
        self.body = first

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.body += data

    def end(self, last: bytes = b"") -> None:
        assert not self.ended
        self.body += last
        self.ended = True

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        raise AssertionError("a stream was asked for")

    def abort(self) -> None:
        raise AssertionError("all of it is there")


def test_frames_come_at_their_time_and_the_end_with_the_last_words() -> None:
    scene = Scene()
    assert scene.frames == 1
    scene.wait(0.55)
    assert scene.frames == 6
    scene.wait(1.0)
    assert scene.frames == 16
    assert not scene.ended
    scene.wait(0.2)
    assert scene.body == b"".join(FRAMES)
    assert scene.ended
    assert scene.accounted == ["ok"]
    scene.wait(1)
    scene.paced.cancel()
    assert scene.accounted == ["ok"]


def test_a_client_that_does_not_read_gets_the_rest_when_it_does() -> None:
    scene = Scene()
    scene.paced.pause()
    scene.wait(1.0)
    assert scene.frames == 1
    scene.paced.resume()
    assert scene.frames == 11
    scene.paced.pause()
    scene.wait(5)
    scene.paced.resume()
    assert scene.ended
    assert scene.body == b"".join(FRAMES)


def test_a_client_that_leaves_is_written_to_no_more() -> None:
    scene = Scene()
    scene.wait(0.3)
    scene.paced.cancel()
    before = scene.body
    scene.wait(3)
    assert (scene.body, scene.ended, scene.accounted) == (before, False, ["cancelled"])
    scene.paced.cancel()
    scene.paced.resume()
    assert scene.accounted == ["cancelled"]


def test_going_down_the_rest_is_sent_at_once() -> None:
    scene = Scene()
    scene.paced.pause()
    scene.paced.expire()
    assert scene.ended
    assert scene.body == b"".join(FRAMES)
    scene.paced.expire()
    assert scene.accounted == ["ok"]


@pytest.mark.parametrize(
    ("frames", "took_s", "given", "per_s"),
    [
        (100, 4.0, None, 25.0),
        (100, 4.0, 80.0, 80.0),
        (100, 0.0, None, UNKNOWN_PER_S),
        (6000, 600.0, None, 6000 / LONGEST_S),
    ],
)
def test_the_pace(frames: int, took_s: float, given: float | None, per_s: float) -> None:
    assert pace_of(frames, took_s, given) == per_s
