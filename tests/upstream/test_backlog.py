"""What providers sent waits for its turn: in order, in stints, and never for nothing."""

from __future__ import annotations

import asyncio

from proxy.upstream.backlog import HELD_LIMIT_BYTES, STINT_S, Backlog, Held
from proxy.upstream.connection import Connection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n"


class Turns:
    """A loop that turns when it is told to, and a clock that each look at it moves on."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.soon: list = []
        self.now = 0.0
        self.step_s = step_s
        self.backlog = Backlog(self.soon.append, self.clock)

    def clock(self) -> float:
        self.now += self.step_s
        return self.now

    def turn(self) -> None:
        due, self.soon[:] = list(self.soon), []
        for call in due:
            call()


class Line(asyncio.Transport):
    """A transport that notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.sent: list[bytes] = []
        self.reader: asyncio.BaseProtocol | None = None
        self.closed = False

    def set_protocol(self, protocol) -> None:
        self.reader = protocol

    def pause_reading(self) -> None:
        self.asked.append("pause")

    def resume_reading(self) -> None:
        self.asked.append("resume")

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data) -> None:
        self.sent.append(bytes(data))

    def abort(self) -> None:
        self.closed = True


class Reader(asyncio.Protocol):
    """Notes what it hears."""

    def __init__(self, heard: list) -> None:
        self.heard = heard

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def connection_lost(self, exc) -> None:
        self.heard.append(exc)


class Asker:
    """Who hears an answer."""

    def __init__(self) -> None:
        self.body = b""
        self.ends: list[str] = []

    def on_head(self, status, kind, headers) -> None: ...

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_end(self) -> None:
        self.ends.append("end")

    def on_lost(self, kind, detail, *, untouched) -> None:
        self.ends.append(kind.value)


def held(turns: Turns, heard: list) -> tuple[Held, Line]:
    line = Line()
    return Held(turns.backlog, Reader(heard), line), line


def test_reads_are_given_in_order_and_together_in_the_next_turn() -> None:
    turns, heard = Turns(), []
    (one, _), (other, _) = held(turns, heard), held(turns, heard)
    one.data_received(b"a")
    other.data_received(b"x")
    one.data_received(b"b")
    assert heard == []
    turns.turn()
    assert heard == [b"ab", b"x"]
    assert turns.soon == []


def test_a_turn_does_no_more_than_a_stint() -> None:
    turns, heard = Turns(step_s=STINT_S * 0.6), []
    for number in range(5):
        held(turns, heard)[0].data_received(b"%d" % number)
    given = []
    while turns.soon:
        turns.turn()
        given.append(len(heard))
    assert given == [2, 4, 5]


def test_the_wait_is_the_work_done_meanwhile_and_not_the_time_that_others_took() -> None:
    turns, heard = Turns(step_s=STINT_S), []
    for _ in range(3):
        held(turns, heard)[0].data_received(b"x")
    assert turns.backlog.wait_s() == 0.0
    turns.turn()
    assert turns.backlog.wait_s() == STINT_S
    turns.step_s = 10.0
    turns.turn()
    assert turns.backlog.wait_s() == 3 * STINT_S
    turns.turn()
    assert turns.backlog.wait_s() == 0.0


def test_more_than_enough_stays_with_the_kernel() -> None:
    turns, heard = Turns(), []
    one, line = held(turns, heard)
    one.data_received(b"x" * HELD_LIMIT_BYTES)
    assert line.asked == ["pause"]
    turns.turn()
    assert line.asked == ["pause", "resume"]
    one.is_paused = True  # a client that reads slowly
    one.data_received(b"x" * HELD_LIMIT_BYTES)
    turns.turn()
    assert line.asked == ["pause", "resume", "pause"]


def test_what_came_before_the_end_is_heard_before_it() -> None:
    turns, heard = Turns(), []
    one, _ = held(turns, heard)
    one.data_received(b"last")
    one.connection_lost(None)
    assert heard == [b"last", None]
    turns.turn()
    assert heard == [b"last", None]


def connected(turns: Turns) -> tuple[Connection, Line, Asker]:
    connection, line, asker = Connection(lambda _, keep: None, turns.backlog), Line(), Asker()
    line.set_protocol(connection)
    connection.connection_made(line)
    return connection, line, asker


def overloaded() -> tuple[Turns, Connection, Line, Asker]:
    """The same that has asked while there is overload."""
    turns = Turns()
    turns.backlog.is_used = True
    connection, line, asker = connected(turns)
    connection.send(b"ask", asker)
    assert isinstance(line.reader, Held)
    return turns, connection, line, asker


def test_a_connection_holds_its_answer_only_while_there_is_overload() -> None:
    turns = Turns()
    connection, line, asker = connected(turns)
    connection.send(b"ask", asker)
    assert line.reader is connection
    line.reader.data_received(HEAD + b"hello!")
    assert (asker.body, asker.ends) == (b"hello!", ["end"])

    turns.backlog.is_used = True
    connection.send(b"ask", asker)
    assert isinstance(line.reader, Held)
    line.reader.data_received(HEAD + b"again")
    assert asker.body == b"hello!"
    turns.turn()
    assert asker.body == b"hello!again"
    line.reader.data_received(b".")
    turns.turn()
    assert (asker.body, asker.ends) == (b"hello!again.", ["end", "end"])
    assert line.reader is connection


def test_a_taker_gets_what_was_held() -> None:
    turns, connection, line, _ = overloaded()
    held_ = line.reader
    held_.data_received(HEAD)
    turns.turn()

    class Taker:
        fed = b""

        def feed(self, data: bytes) -> None:
            self.fed += data

    taker = Taker()
    connection.hand_on(taker)
    held_.data_received(b"abc")
    turns.turn()
    assert taker.fed == b"abc"
    connection.pause()
    assert held_.is_paused
    connection.resume()
    assert not held_.is_paused


def test_nobody_hears_what_was_held_for_one_who_left() -> None:
    turns, connection, line, asker = overloaded()
    line.reader.data_received(HEAD + b"hello!")
    connection.abort()
    turns.turn()
    assert (asker.body, asker.ends, line.closed) == (b"", [], True)
    assert line.reader is connection


def test_a_connection_that_ends_while_its_answer_is_held_is_lost_to_its_asker() -> None:
    _, _, line, asker = overloaded()
    line.reader.data_received(HEAD + b"hel")
    line.reader.connection_lost(None)
    assert (asker.body, asker.ends) == (b"hel", ["reset"])
