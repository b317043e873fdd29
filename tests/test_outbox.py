"""What a turn of the event loop writes: in order, soon, and never to a connection that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.downstream.front import Front
from proxy.downstream.head import Head
from proxy.downstream.house import House, Limits
from proxy.exchange import Share
from proxy.outbox import AT_ONCE, FEW, Outbox
from proxy.state.admission import Admission


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self, journal: list[bytes] | None = None) -> None:
        super().__init__()
        self.journal = [] if journal is None else journal
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "written after it was closed"
        self.journal.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Turn:
    """The loop's next turn, when somebody says so."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def end(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


def crowd(count: int) -> Admission:
    gate, share = Admission(most=1000, target_s=0.0), Share()
    for _ in range(count):
        gate.enter(share)
    return gate


def test_where_few_are_open_nothing_waits() -> None:
    turn, wire = Turn(), Wire()
    outbox = Outbox(turn, crowd(FEW))
    outbox.post(wire, b"a")
    assert (wire.journal, turn.calls) == ([b"a"], [])


def test_of_many_all_are_written_when_the_turn_ends_in_their_order() -> None:
    turn, journal = Turn(), []
    outbox = Outbox(turn, crowd(FEW + 1))
    for number in range(3):
        outbox.post(Wire(journal), b"%d" % number)
    assert journal == []
    assert len(turn.calls) == 1
    turn.end()
    assert journal == [b"0", b"1", b"2"]
    outbox.post(Wire(journal), b"3")
    turn.end()
    assert journal[-1] == b"3"


def test_what_is_waiting_stays_before_what_comes_when_few_are_left() -> None:
    turn, wire, gate = Turn(), Wire(), crowd(FEW + 1)
    outbox = Outbox(turn, gate)
    outbox.post(wire, b"a")
    gate.open = 0
    outbox.post(wire, b"b")
    turn.end()
    assert wire.journal == [b"a", b"b"]


def test_nobody_waits_for_more_than_a_few_others() -> None:
    turn, wire = Turn(), Wire()
    outbox = Outbox(turn, crowd(100))
    for _ in range(AT_ONCE):
        outbox.post(wire, b"x")
    assert len(wire.journal) == AT_ONCE
    outbox.post(wire, b"y")
    turn.end()
    assert len(wire.journal) == AT_ONCE + 1


def test_a_connection_that_closed_meanwhile_costs_the_others_nothing() -> None:
    turn, gone, stays = Turn(), Wire(), Wire()
    outbox = Outbox(turn, crowd(100))
    outbox.post(gone, b"a")
    outbox.post(stays, b"b")
    gone.close()
    turn.end()
    assert (gone.journal, stays.journal) == ([], [b"b"])


def ready(house: House) -> tuple[Front, Wire]:
    """A connection on which a request is being answered, among many."""
    front, wire = Front(house, asyncio.get_running_loop()), Wire()
    front.connection_made(wire)
    front._busy = True
    return front, wire


async def test_the_next_answer_on_a_connection_does_not_overtake_the_last_one() -> None:
    house = House(Limits(), crowd(100))
    front, wire = ready(house)
    front.whole(200, b"", b"first")
    assert wire.journal == []
    front._head = Head({}, "openai", hot=True, keep=True)
    front._missing = 1 << 20  # of a body: what comes now begins the next request, in the same turn
    front.data_received(b"{")
    assert wire.journal[0].endswith(b"first"), "written before anything can come of that"
    front.open(200, b"", b"second")
    assert b"second" in wire.journal[1]


async def test_a_drain_closes_no_connection_before_its_answer_is_written() -> None:
    house = House(Limits(drain_s=0.0), crowd(100))
    front, wire = ready(house)
    front.whole(200, b"", b"last")
    await house.close()
    assert wire.journal and wire.journal[0].endswith(b"last")


async def test_an_answer_that_ends_its_connection_is_written_at_once() -> None:
    house = House(Limits(), crowd(100))
    front, wire = ready(house)
    front._keep = False
    front.whole(200, b"", b"bye")
    assert wire.journal[0].endswith(b"bye")
    assert wire.closed
