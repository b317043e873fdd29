"""Single flight: identical requests that are under way at once share one upstream answer.

The first to ask leads: its race is run, into a flight instead of its own client. Who asks the same
meanwhile joins: it gets what was sent so far, then the rest as it comes, under headers of its own.
Each client reads at its own pace, from one copy of the answer. A client that leaves, the first one
too, takes only itself away; the race ends with the last of them.

Most requests are never joined: they have a Lead (see lead.py), and no flight is made for them.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from proxy import headers
from proxy.exchange import Exchange, Sink

MAX_BYTES = 1 << 20  # of an answer; past it nobody joins, and the slowest client sets the pace
_OWN = (b"x-request-id:", b"x-firsttoken-", b"server-timing:")

Account = Callable[[Exchange], None]


class Race(Protocol):
    """The upstream's side of a flight: the runner."""

    def cancel(self) -> None: ...
    def withdraw(self) -> bool:
        """Stop, and say nothing: another answer was found. False where this one has begun."""
        ...

    def expire(self) -> None: ...
    def nudge(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def write_to(self, sink: Sink) -> None:
        """From now on the tokens of the open stream go there; its end is told as before."""
        ...

    def sent(self) -> bytes | None:
        """All that was written to its sink so far, in one; None where that is not kept."""
        ...


class _Resting:
    """Stands for a race that is over, or was given up."""

    def cancel(self) -> None: ...
    def expire(self) -> None: ...
    def nudge(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def write_to(self, sink: Sink) -> None: ...

    def withdraw(self) -> bool:
        return False

    def sent(self) -> None:
        return None


RESTING = _Resting()


def _nothing() -> None:
    """There is nothing to forget any more."""


class Member:
    """One client of a flight; what its connection may still ask of the answer."""

    __slots__ = ("_flight", "_place", "exchange", "paused", "sink")

    def __init__(self, flight: Flight, exchange: Exchange, sink: Sink) -> None:
        self._flight = flight
        self._place = 0  # pieces of the answer it was given
        self.exchange = exchange
        self.sink = sink
        self.paused = False

    def cancel(self) -> None:
        """The client left."""
        self._flight.leave(self)

    def expire(self) -> None:
        """The proxy goes down: the race tells every client so, if it still runs."""
        flight = self._flight
        if flight.ended:
            self.sink.abort()
            flight.leave(self)
        else:
            flight.race.expire()

    def nudge(self) -> None:
        """Called every second: a sign of life goes to every client."""
        self._flight.race.nudge()

    def pause(self) -> None:
        """The client does not read."""
        self.paused = True
        self._flight.set_pace()

    def resume(self) -> None:
        """The client reads again: it gets what came meanwhile."""
        self.paused = False
        self.catch_up()
        self._flight.set_pace()

    @property
    def behind(self) -> int:
        """Pieces of the answer that it still has to get."""
        return len(self._flight.pieces) - self._place

    def catch_up(self) -> None:
        """Give it what it lacks, and the end where that has come."""
        flight = self._flight
        if self.paused or not flight.opened:
            return
        pieces = flight.pieces
        count = len(pieces)
        if self._place < count:
            missing = pieces[self._place : count]
            self._place = count
            self.sink.write(missing[0] if len(missing) == 1 else b"".join(missing))
        if flight.ended and not self.paused:  # writing may have paused it
            self.sink.end()
            flight.arrived(self)

    def caught_up(self) -> None:
        """It has all that there is."""
        self._place = len(self._flight.pieces)

    def board(self, status: int, lines: bytes) -> None:
        """Open its stream with all that there is of the answer."""
        pieces = self._flight.pieces
        self._place = len(pieces)
        self.sink.open(status, lines, b"".join(pieces))


class Flight:
    """One answer on its way to several who asked for it. A Sink, for the race."""

    __slots__ = (
        "_account",
        "_bytes",
        "_forget",
        "_head",
        "_over",
        "_waits",
        "ended",
        "leads",
        "members",
        "opened",
        "pieces",
        "race",
    )

    def __init__(  # noqa: PLR0913 - one flight's parts, set once
        self,
        exchange: Exchange,
        sink: Sink,
        race: Race,
        account: Account,
        forget: Callable[[], None],
        over: Callable[[], None],
        *,
        head: tuple[int, bytes] | None,
        sent: bytes = b"",
        paused: bool = False,
    ) -> None:
        """exchange, sink: the leader's. head: status and lines, if its stream was opened, and what
        it has of that. account: told of each follower once. forget: called when nobody may join
        any more; over: when the last client has left."""
        leader = Member(self, exchange, sink)
        leader.paused = self._waits = paused
        self.leads = exchange
        self.members = [leader]
        self.race = race
        self.opened = head is not None
        self.ended = False
        self.pieces: list[bytes] = []
        self._bytes = 0
        self._head = head or (0, b"")
        self._account = account
        self._forget = forget
        self._over = over
        self._keep(sent)
        leader.caught_up()

    def join(self, exchange: Exchange, sink: Sink) -> Member:
        """Have another client share the answer, from its beginning."""
        member = Member(self, exchange, sink)
        self.members.append(member)
        leads = self.leads
        exchange.cache = "exact"
        exchange.category, exchange.language = leads.category, leads.language
        if self.opened:
            self._tell(member)
            member.board(self._head[0], self._dress(member))
        self.set_pace()
        return member

    def leave(self, member: Member) -> None:
        """A client is gone. With the last of them the race is called off."""
        if member not in self.members:
            return
        self.members.remove(member)
        if member.exchange is not self.leads:
            member.exchange.outcome = "cancelled"
            self._account(member.exchange)
        if self.members:
            self.set_pace()
        elif not self.ended:
            race = self.race
            self._over()
            self._rest()
            race.cancel()

    def arrived(self, member: Member) -> None:
        """A client has the whole answer."""
        self.members.remove(member)
        if member.exchange is not self.leads:
            exchange, leads = member.exchange, self.leads
            exchange.usage, exchange.finish, exchange.error = leads.usage, leads.finish, leads.error
            exchange.outcome = "ok" if leads.error is None else "broken"
            self._account(exchange)

    def set_pace(self) -> None:
        """Read on while any client reads; past MAX_BYTES only while every one does."""
        if self.ended:
            return
        waits = all(member.paused for member in self.members) or (
            self._bytes > MAX_BYTES and any(one.paused and one.behind for one in self.members)
        )
        if waits != self._waits:
            self._waits = waits
            if waits:
                self.race.pause()
            else:
                self.race.resume()

    # ---- a sink ------------------------------------------------------------------------------

    def open(self, status: int, lines: bytes, first: bytes) -> None:
        """The answer begins: every client's stream is opened."""
        self.opened = True
        self._head = (status, lines)
        self._keep(first)
        for member in tuple(self.members):
            self._tell(member)
            member.board(status, self._dress(member))

    def write(self, data: bytes) -> None:
        self._keep(data)
        for member in tuple(self.members):
            member.catch_up()
        if self._bytes > MAX_BYTES:
            self._forget()
            self.set_pace()

    def end(self, last: bytes = b"") -> None:
        self._keep(last)
        self.ended = True
        self._rest()
        for member in tuple(self.members):
            member.catch_up()

    def whole(self, status: int, lines: bytes, body: bytes) -> None:
        self.opened = self.ended = True
        self._head = (status, lines)
        self._rest()
        for member in tuple(self.members):
            self._tell(member)
            member.sink.whole(status, self._dress(member), body)
            self._close(member)

    def abort(self) -> None:
        """The answer cannot be completed: every client sees that."""
        self.ended = True
        self._rest()
        for member in tuple(self.members):
            member.paused = False
            if member.behind:
                self.ended = False  # the last pieces, an error event perhaps, and no end
                member.catch_up()
                self.ended = True
            member.sink.abort()
            self._close(member)

    # ---- inside ------------------------------------------------------------------------------

    def _rest(self) -> None:
        """The race is over. Those who know it and whom it knows need no collector to be gone."""
        self._forget()
        self.race = RESTING
        self._forget = self._over = _nothing

    def _keep(self, data: bytes) -> None:
        if data:
            self.pieces.append(data)
            self._bytes += len(data)

    def _tell(self, member: Member) -> None:
        """A follower's record: what its leader's request came to."""
        exchange, leads = member.exchange, self.leads
        if exchange is not leads:
            exchange.provider, exchange.provider_model = leads.provider, leads.provider_model
            exchange.status = leads.status
            exchange.first_token_s = perf_counter() - exchange.started_s

    def _dress(self, member: Member) -> bytes:
        """The head's lines with what they say of the request turned to this one."""
        lines = self._head[1]
        if member.exchange is self.leads:
            return lines
        kept = [
            line for line in lines.split(b"\r\n") if line and not line[:16].lower().startswith(_OWN)
        ]
        return b"".join(line + b"\r\n" for line in kept) + headers.about(member.exchange)

    def _close(self, member: Member) -> None:
        """A client has all that it will get of an answer that is whole or broken."""
        if member not in self.members:
            return
        self.members.remove(member)
        if member.exchange is not self.leads:
            exchange, leads = member.exchange, self.leads
            exchange.usage, exchange.finish = leads.usage, leads.finish
            exchange.status, exchange.error = self._head[0], leads.error
            exchange.outcome = leads.outcome or ("ok" if self._head[0] < 400 else "error")
            self._account(exchange)
