"""One process's pulse to the shared server: some forty times a second all that has to be told and
heard, in one round trip that no request waits for.

A server that is slow or gone is noticed within the deadline; then this process goes on by what it
knows, and keeps trying.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import orjson

from proxy.shared.address import Address, close, connect, failures
from proxy.shared.script import PULSE
from proxy.state import hearsay

if TYPE_CHECKING:
    from proxy.state.breaker import Breakers
    from proxy.state.division import Division
    from proxy.state.latency import Latency

PULSE_S = 0.025  # between two pulses, at least,
NODE_S = 0.001  # and this for every process: a thousand pulses a second are the server's tenth,
SHORT_S = 0.004  # and while requests wait for one, here or elsewhere
PATIENCE_S = (0.1, 2.0)  # before the first and before any later try to connect again
GIVEN_UP_S = 1.0  # a pulse that is late is waited for so long, while this process is alone
LATE_LOOP_S = 0.005  # a deadline that is noticed so late was our own fault
GRACE_S = 0.03  # those who wait for a part wait so much longer when the server is late
STALE_S = 0.005  # after which a refusal is not certain any more
SETTLE_S = 3.0  # until all others have come back to a server too: the latest of them tries again
WAIT_S = 0.2  # a request waits no longer for its part of a limit

_SHA = sha1(PULSE.encode(), usedforsecurity=False).hexdigest()  # how the server names a script


@dataclass(slots=True)
class Waiter:
    """A request that waits for its part of a limit. ready: try; then: whatever became of it."""

    ready: Callable[[], bool]
    then: Callable[[], None]
    until: float


@dataclass(frozen=True, slots=True)
class Parts:
    """What is told of and heard about. now: monotonic seconds; wall: Unix seconds."""

    division: Division
    breakers: Breakers
    latency: Latency
    now: Callable[[], float]
    wall: Callable[[], float]


class Pulse:
    """This process's side. `run` does the work; nothing else waits for the server."""

    def __init__(
        self,
        where: Address,
        prefix: str,
        parts: Parts,
        tell: Callable[[bool, str], None],
        *,
        deadline_s: float,
    ) -> None:
        """tell: hears when the server comes, and when it goes and why."""
        self._where = where
        self._prefix = f"{{{prefix}}}:"  # the braces: one slot of a cluster for all of it
        self._parts = parts
        self._tell = tell
        self._deadline_s = deadline_s
        self.node = token_hex(8)
        self._heard = ""
        self._last_ms = 0
        self._wanted: list[str] = []
        self._waiting: list[Waiter] = []
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._alone_since: float | None = None
        self._settled_at = 0.0  # from when on the server knows of everyone
        self.up = False
        self._fresh_at = 0.0
        self._told: bool | None = None
        self.nodes = 0
        self.pulses = 0
        self.late = 0
        self.took_s = 0.0
        self.follow: Callable[[Any, int], Awaitable[None]] | None = None  # see edits.py

    # ---- for others -----------------------------------------------------------------------------

    def wait(self, ready: Callable[[], bool], then: Callable[[], None]) -> bool:
        """Let a request wait for its part of a limit, at most WAIT_S; whether that makes sense."""
        if not self.up:
            return False
        self._waiting.append(Waiter(ready, then, self._parts.now() + WAIT_S))
        self._wake.set()
        return True

    @property
    def is_stale(self) -> bool:
        """Whether what the others last told may not be true any more."""
        return self._parts.now() - self._fresh_at > STALE_S

    def key(self, name: str) -> str:
        """A key of the server, all of them in one slot."""
        return self._prefix + name

    def figures(self) -> dict[str, float]:
        """For metrics."""
        return {
            "shared_up": float(self.up),
            "shared_nodes": float(self.nodes),
            "shared_pulses_total": float(self.pulses),
            "shared_late_total": float(self.late),
            "shared_pulse_seconds": self.took_s,
        }

    # ---- the work -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Beat until cancelled."""
        patience_s = PATIENCE_S[0]
        errors, parts = failures(), self._parts
        while True:
            client = connect(self._where, GIVEN_UP_S)
            try:
                while True:
                    await self._beat(client)
                    patience_s = PATIENCE_S[0]
                    await self._pause()
            except errors as error:
                self._lost(f"{type(error).__name__}: {error}".rstrip(": "), for_good=True)
                self._settled_at = math.inf
            finally:
                await close(client)
            alone_s = parts.now() - (self._alone_since or parts.now())
            parts.division.alone(alone_s)
            await asyncio.sleep(patience_s)
            patience_s = min(patience_s * 2, PATIENCE_S[1])

    async def _pause(self) -> None:
        """Until the next pulse is due, or somebody waits for it."""
        if self._waiting or self._parts.division.holds(self._wanted):
            await asyncio.sleep(SHORT_S)
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(PULSE_S, self.nodes * NODE_S), self._wake.set)
        await self._wake.wait()
        timer.cancel()
        self._wake.clear()

    async def _beat(self, client: Any) -> None:
        parts = self._parts
        now = parts.now()
        today = datetime.fromtimestamp(parts.wall(), UTC)
        settling = now < self._settled_at
        rates = parts.division.rates(now, self._wanted, settling=settling)
        budgets = parts.division.spendings(now, f"{today:%Y%m%d}", f"{today:%Y%m}")
        words = hearsay.told(parts.breakers, parts.latency)
        keys = [self._prefix + name for name in ("nodes", "wanted", "news", "changes")]
        keys += [self._prefix + one.name for one in rates]
        keys += [self._prefix + one.name for one in budgets]
        values: list[Any] = [
            self.node, orjson.dumps(words) if words else "", self._heard, self._last_ms, len(rates)
        ]  # fmt: skip
        for rate in rates:
            values += (rate.used, rate.want, rate.missed, rate.limit, int(rate.active), rate.most)
        for spending in budgets:
            values += (spending.own, spending.known)
        answer = await self._ask(client, keys, values)
        self._last_ms, self.nodes, heard, spent, wanted, self._heard, news, version = answer
        self._fresh_at, self.took_s = now, parts.now() - now
        self.pulses += 1
        parts.division.hear_parts(max(1, self.nodes, parts.division.parts if settling else 0))
        parts.division.hear_rates(rates, heard)
        parts.division.hear_spendings(budgets, [int(one) for one in spent])
        skip = len(self._prefix)
        self._wanted = [name.decode()[skip:] for name in wanted]
        for one in news:
            hearsay.hear(_words(one), parts.breakers, parts.latency, parts.now())
        self._found()
        self._serve_waiting()
        if self.follow is not None:
            await self.follow(client, int(version))

    async def _ask(self, client: Any, keys: list[str], values: list[Any]) -> Any:
        """The script's answer. One that does not come in time leaves this process alone at once;
        the client raises when it does not come at all."""
        if self.up:
            self._watch_deadline()
        try:
            return await _run_script(client, keys, values)
        finally:
            self._stop_timer()

    def _watch_deadline(self) -> None:
        due = self._parts.now() + self._deadline_s

        def is_over() -> None:
            if self._parts.now() - due > LATE_LOOP_S:  # the answer may be there: look again
                self._watch_deadline()
            else:
                self._lost("no answer in time", for_good=False)

        self._timer = asyncio.get_running_loop().call_later(self._deadline_s, is_over)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- there and gone -------------------------------------------------------------------------

    def _found(self) -> None:
        if self._settled_at == math.inf:  # another server may answer now, or one that forgot
            self._settled_at = self._parts.now() + SETTLE_S
        self._alone_since = None
        self.up = True
        if not self._told:
            self._told = True
            self._tell(True, "")

    def _lost(self, why: str, *, for_good: bool) -> None:
        """Alone at once; but a server that only was late once is nobody's news."""
        self.up = False
        self.late += 1
        if self._alone_since is None:
            self._alone_since = self._parts.now()
        if not for_good:
            asyncio.get_running_loop().call_later(GRACE_S, self._release_if_alone)
            return
        if self._told is not False:
            self._told = False
            self._tell(False, why)
        self._release()

    def _release_if_alone(self) -> None:
        if not self.up:
            self._release()

    # ---- those who wait -------------------------------------------------------------------------

    def _serve_waiting(self) -> None:
        """After a pulse: those who have their part now, and those who waited long enough."""
        now = self._parts.now()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if one.ready() or now >= one.until:
                one.then()
            else:
                self._waiting.append(one)

    def _release(self) -> None:
        """Nobody answers: nobody waits."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.ready()
            one.then()


async def _run_script(client: Any, keys: list[str], values: list[Any]) -> Any:
    try:
        return await client.execute_command("EVALSHA", _SHA, len(keys), *keys, *values)
    except Exception as error:
        if type(error).__name__ != "NoScriptError":
            raise
    return await client.execute_command("EVAL", PULSE, len(keys), *keys, *values)


def _words(packed: bytes) -> list[hearsay.Word]:
    try:
        found = orjson.loads(packed)
    except orjson.JSONDecodeError:
        return []
    return [one for one in found if isinstance(one, list)] if isinstance(found, list) else []
