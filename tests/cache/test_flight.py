from __future__ import annotations

import pytest

from proxy.cache.flight import MAX_BYTES, Member
from proxy.cache.lead import Flights
from proxy.errors import ClientError
from proxy.exchange import ANONYMOUS, Exchange, Sink

NAME = (b"e" * 16, True, False, None)


class Client:
    """A sink that remembers, and the exchange of one client."""

    def __init__(self) -> None:
        self.exchange = Exchange("openai", {}, ANONYMOUS, 0.0)
        self.status = 0
        self.lines = b""
        self.body = b""
        self.writes = 0
        self.end_of = ""

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        assert not self.status
        self.status, self.lines, self.body = status, headers, first

    def write(self, data: bytes) -> None:
        assert self.status
        assert not self.end_of
        self.body += data
        self.writes += 1

    def end(self, last: bytes = b"") -> None:
        assert not self.end_of
        self.body += last
        self.end_of = "end"

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        assert not self.status
        self.status, self.lines, self.body, self.end_of = status, headers, body, "whole"

    def abort(self) -> None:
        self.end_of = "abort"


class Race:
    """What a runner is told, and what it would have kept."""

    def __init__(self, kept: bool = True) -> None:
        self.told: list[str] = []
        self.text: bytes | None = b"" if kept else None
        self.sink: Sink | None = None  # where tokens go

    def cancel(self) -> None:
        self.told.append("cancel")

    def expire(self) -> None:
        self.told.append("expire")

    def nudge(self) -> None:
        self.told.append("nudge")

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    def write_to(self, sink: Sink) -> None:
        self.sink = sink

    def sent(self) -> bytes | None:
        return self.text


class Air:
    """A flight with its race, its leader, and the followers' records."""

    def __init__(self, kept: bool = True) -> None:
        self.accounted: list[Exchange] = []
        self.flights = Flights(self.accounted.append)
        self.first = Client()
        self.flight = self.flights.start(NAME, self.first.exchange, self.first)
        self.race = self.flight.race = Race(kept)

    def open(self, first: bytes = b"a") -> None:
        leads = self.first.exchange
        leads.provider, leads.provider_model, leads.status = "p", "m", 200
        if self.race.text is not None:
            self.race.text += first
        self.flight.open(200, b"Content-Type: text/event-stream\r\nx-request-id: 1\r\n", first)

    def write(self, data: bytes) -> None:
        if self.race.text is not None:
            self.race.text += data
        (self.race.sink or self.flight).write(data)

    def join(self) -> tuple[Client, Member]:
        client = Client()
        found = self.flights.find(NAME)
        assert found is not None
        member = found.join(client.exchange, client)
        assert member is not None
        return client, member


def test_alone_everything_is_passed_on_and_nothing_kept() -> None:
    air = Air()
    air.open()
    air.write(b"b")
    air.flight.end()
    assert (air.first.body, air.first.end_of) == (b"ab", "end")
    assert air.race.sink is air.first, "the straight way"
    assert len(air.flights) == 0
    assert air.accounted == [], "the leader is the race's to account"


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
def test_whenever_one_joins_it_gets_the_whole_answer(moment: int) -> None:
    air = Air()
    steps = [air.open, lambda: air.write(b"b"), lambda: air.write(b"c"), air.flight.end]
    joined = None
    for number, step in enumerate(steps):
        if number == moment:
            joined, _ = air.join()
        step()
    assert joined is not None
    for client in (air.first, joined):
        assert (client.status, client.body, client.end_of) == (200, b"abc", "end")
    assert [one.outcome for one in air.accounted] == ["ok"]
    assert air.accounted[0] is joined.exchange
    assert (joined.exchange.provider, joined.exchange.cache) == ("p", "exact")


def test_each_has_headers_of_its_own() -> None:
    air = Air()
    joined, _ = air.join()
    air.open()
    late, _ = air.join()
    assert b"x-request-id: 1\r\n" in air.first.lines
    for client in (joined, late):
        assert client.lines.startswith(b"Content-Type: text/event-stream\r\n")
        assert client.lines.count(b"x-request-id") == 1
        assert client.exchange.id.encode() in client.lines
        assert b"x-firsttoken-cache: exact\r\n" in client.lines
        assert b"x-firsttoken-provider: p\r\n" in client.lines


def test_a_slow_client_delays_nobody_and_misses_nothing() -> None:
    air = Air()
    slow, member = air.join()
    air.open()
    member.pause()
    for piece in (b"b", b"c", b"d"):
        air.write(piece)
    air.flight.end()
    assert (air.first.body, air.first.end_of) == (b"abcd", "end")
    assert (slow.body, slow.end_of) == (b"a", "")
    assert air.accounted == []
    member.resume()
    assert (slow.body, slow.writes, slow.end_of) == (b"abcd", 1, "end")
    assert air.race.told == []
    assert len(air.accounted) == 1


def test_the_race_waits_when_nobody_reads() -> None:
    air = Air()
    _, member = air.join()
    air.open()
    air.flight.pause()
    assert air.race.told == []
    member.pause()
    assert air.race.told == ["pause"]
    member.resume()
    assert air.race.told == ["pause", "resume"]
    member.pause()
    member.cancel()
    air.flight.resume()
    assert air.race.told == ["pause", "resume", "pause", "resume"]


def test_a_long_answer_is_kept_only_so_far() -> None:
    air = Air()
    slow, member = air.join()
    air.open()
    member.pause()
    air.write(b"x" * (MAX_BYTES + 1))
    assert air.race.told == ["pause"], "the slowest sets the pace"
    assert air.flights.find(NAME) is None
    member.resume()
    assert air.race.told == ["pause", "resume"]
    assert len(slow.body) == MAX_BYTES + 2


def test_the_leader_leaves_and_the_stream_goes_on() -> None:
    air = Air()
    joined, _ = air.join()
    air.open()
    air.flight.cancel()
    air.write(b"b")
    air.flight.end()
    assert air.race.told == []
    assert (joined.body, joined.end_of) == (b"ab", "end")
    assert air.first.body == b"a"


def test_the_last_to_leave_ends_the_race() -> None:
    air = Air()
    _, member = air.join()
    member.cancel()
    assert air.race.told == []
    assert [one.outcome for one in air.accounted] == ["cancelled"]
    air.flight.cancel()
    assert air.race.told == ["cancel"]
    assert air.flights.find(NAME) is None
    air.flight.cancel()
    assert air.race.told == ["cancel"]


def test_a_whole_answer_goes_to_all() -> None:
    air = Air()
    joined, _ = air.join()
    air.first.exchange.status = 200
    air.flight.whole(200, b"Content-Type: application/json\r\n", b"{}")
    for client in (air.first, joined):
        assert (client.status, client.body, client.end_of) == (200, b"{}", "whole")
    assert [one.outcome for one in air.accounted] == ["ok"]
    assert len(air.flights) == 0


def test_a_failure_is_everybodys() -> None:
    air = Air()
    joined, _ = air.join()
    leads = air.first.exchange
    leads.outcome, leads.error = "error", ClientError(502, "All providers failed.")
    air.flight.whole(502, b"Content-Type: application/json\r\n", b'{"error":{}}')
    assert joined.status == 502
    assert joined.exchange.outcome == "error"
    assert joined.exchange.error is leads.error
    assert joined.exchange.status == 502


def test_a_broken_stream_is_broken_for_all_with_its_last_words() -> None:
    air = Air()
    slow, member = air.join()
    air.open()
    member.pause()
    air.first.exchange.error = ClientError(502, "It broke.")
    air.write(b"error")
    air.flight.end()
    member.resume()
    assert (slow.body, slow.end_of) == (b"aerror", "end")
    assert slow.exchange.outcome == "broken"


def test_an_abort_gives_everyone_what_there_is_and_then_cuts() -> None:
    air = Air()
    slow, member = air.join()
    air.open()
    member.pause()
    air.write(b"b")
    air.flight.abort()
    assert (slow.body, slow.end_of) == (b"ab", "abort")
    assert air.first.end_of == "abort"
    member.cancel()
    assert len(air.accounted) == 1, "nobody is left"


def test_what_was_not_kept_cannot_be_joined_late() -> None:
    air = Air(kept=False)
    air.open()
    found = air.flights.find(NAME)
    assert found is not None
    late = Client()
    assert found.join(late.exchange, late) is None
    air.write(b"b")
    assert late.status == 0
    assert air.first.body == b"ab"


def test_a_leader_that_did_not_read_when_its_twin_came_gets_the_rest_later() -> None:
    air = Air()
    air.open()
    air.flight.pause()
    joined, member = air.join()
    assert air.race.told == ["pause", "resume"], "somebody reads"
    air.write(b"b")
    assert (air.first.body, joined.body) == (b"a", b"ab")
    air.flight.nudge()
    member.nudge()
    assert air.race.told[2:] == ["nudge", "nudge"]
    air.flight.resume()
    air.flight.end()
    assert (air.first.body, air.first.end_of) == (b"ab", "end")


def test_alone_its_race_hears_what_its_client_does() -> None:
    air = Air()
    for word in ("pause", "resume", "nudge", "expire", "cancel"):
        getattr(air.flight, word)()
    assert air.race.told == ["pause", "resume", "nudge", "expire", "cancel"]
    assert len(air.flights) == 0


def test_shutting_down_tells_the_race_or_cuts_who_lags() -> None:
    air = Air()
    slow, member = air.join()
    air.open()
    member.pause()
    air.write(b"b")
    member.expire()
    assert air.race.told == ["expire"]
    air.flight.end()
    member.expire()
    assert slow.end_of == "abort"
    assert [one.outcome for one in air.accounted] == ["cancelled"]


def test_other_requests_fly_alone() -> None:
    air = Air()
    assert air.flights.find((b"f" * 16, True, False, None)) is None
    assert air.flights.find((NAME[0], False, False)) is None
    again = Client()
    second = air.flights.start(NAME, again.exchange, again)
    air.flight.end()
    assert air.flights.find(NAME) is second, "only its own place is given up"
