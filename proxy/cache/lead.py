"""Requests that may yet be shared, by what they ask; the first of its kind leads.

A lead costs a microsecond and nothing per token: it passes on what comes, and keeps no more than
the answer's head. Only when a twin arrives does it turn into a flight.
"""

from __future__ import annotations

from proxy.cache.flight import MAX_BYTES, RESTING, Account, Flight, Member, Race
from proxy.exchange import Exchange, Sink

# A request's exact fingerprint, whether it streams and wants usage, its own deadline in ms.
Name = tuple[bytes, bool, bool, float | None]


class Lead:
    """The first to ask: a Sink for its race, and what its connection may ask of the answer."""

    __slots__ = (
        "_exchange",
        "_flight",
        "_flights",
        "_head",
        "_member",
        "_name",
        "_paused",
        "_sink",
        "race",
        "write",
    )

    race: Race

    def __init__(self, flights: Flights, name: Name, exchange: Exchange, sink: Sink) -> None:
        self._flights = flights
        self._name = name
        self._exchange = exchange
        self._sink = sink
        self._flight: Flight | None = None
        self._member: Member | Race = RESTING  # its client's place in the flight
        self._head: tuple[int, bytes] | None = None
        self._paused = False
        self.write = sink.write

    def join(self, exchange: Exchange, sink: Sink) -> Member | None:
        """Have another client share the answer, from its beginning; None where that is gone."""
        flight = self._flight or self._share()
        return None if flight is None else flight.join(exchange, sink)

    def _share(self) -> Flight | None:
        sent: bytes | None = b""
        if self._head is not None:
            sent = self.race.sent()
            if sent is None or len(sent) > MAX_BYTES:
                return None
        flight = self._flight = Flight(
            self._exchange,
            self._sink,
            self.race,
            self._flights.account,
            self.forget,
            self._over,
            head=self._head,
            sent=sent or b"",
            paused=self._paused,
        )
        self._member = flight.members[0]
        self.write = flight.write
        if flight.opened:
            self.race.write_to(flight)
        return flight

    def yields(self) -> bool:
        """Give up the race for an answer that was found elsewhere, before a word was said; the
        answer then comes here as from a race."""
        if self._head is not None or not self.race.withdraw():
            return False
        self.run_by(RESTING)
        return True

    def run_by(self, race: Race) -> None:
        """From now on this one tells the answer."""
        self.race = race
        if self._flight is not None:
            self._flight.race = race

    def forget(self) -> None:
        """Nobody may join any more."""
        under_way = self._flights.under_way
        if under_way.get(self._name) is self:
            del under_way[self._name]

    def _over(self) -> None:
        """All is said. The race knows its sink: a cycle, which the collector need not look for."""
        self.forget()
        self.race = RESTING

    # ---- a sink ------------------------------------------------------------------------------

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        self._head = (status, headers)
        if self._flight is not None:
            self._flight.open(status, headers, first)
            return
        self._sink.open(status, headers, first)
        self.race.write_to(self._sink)  # the straight way, while nobody else wants the tokens

    def end(self, last: bytes = b"") -> None:
        self._over()
        (self._flight or self._sink).end(last)

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self._over()
        (self._flight or self._sink).whole(status, headers, body)

    def abort(self) -> None:
        self._over()
        (self._flight or self._sink).abort()

    # ---- for the client's side ---------------------------------------------------------------

    def cancel(self) -> None:
        """The client left: the race ends with it, unless others want the answer."""
        if self._flight is not None:
            self._member.cancel()
        else:
            race = self.race
            self._over()
            race.cancel()

    def expire(self) -> None:
        """The proxy goes down."""
        if self._flight is not None:
            self._member.expire()
        else:
            self.race.expire()

    def nudge(self) -> None:
        """Called every second."""
        self.race.nudge()

    def pause(self) -> None:
        """The client does not read."""
        self._paused = True
        if self._flight is not None:
            self._member.pause()
        else:
            self.race.pause()

    def resume(self) -> None:
        """The client reads again."""
        self._paused = False
        if self._flight is not None:
            self._member.resume()
        else:
            self.race.resume()


class Flights:
    """The requests under way that may be joined, by the name of what was asked."""

    __slots__ = ("account", "under_way")

    def __init__(self, account: Account) -> None:
        """account: told of each follower's exchange once, however it ended."""
        self.account = account
        self.under_way: dict[Name, Lead] = {}

    def __len__(self) -> int:
        return len(self.under_way)

    def find(self, name: Name) -> Lead | None:
        """One that may still be joined."""
        return self.under_way.get(name)

    def start(self, name: Name, exchange: Exchange, sink: Sink) -> Lead:
        """A new one; give it its race before anything can come of it."""
        lead = self.under_way[name] = Lead(self, name, exchange, sink)
        return lead
