"""S01 to S16: the failures that every gateway meets, each a function from a stage to a verdict.

The list is FailoverBench's (MIT, github.com/failoverbench/failoverbench); scripts, limits and
verdicts are our own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from benchmarks.faults.stage import (
    NORMAL,
    TEXT,
    TOKENS,
    Score,
    Stage,
    Verdict,
    continuing,
    usage_is_right,
)
from benchmarks.faults.verdicts import all_or_error, safe_or_fail
from benchmarks.mock.breaks import BREAKS
from benchmarks.mock.oddities import ODDITIES
from benchmarks.mock.refusals import REFUSALS, refuse
from benchmarks.mock.turn import LAST_CHUNK, Act, Script, Step, Turn, chunk, play

RETRY_AFTER = 2  # seconds, in S01
FLAP_SECONDS = 8.0
BACK_SECONDS = 30.0
MOST_CALLS = 6  # disciplined retries of one request, both providers together


def _then_fine(first: Script, failures: int = 1) -> Script:
    """Fails so many requests, then answers."""
    left = [failures]

    def script(turn: Turn) -> Iterator[Step]:
        if left[0] > 0:
            left[0] -= 1
            yield from first(turn)
        else:
            yield from play(turn)

    return script


def _limited(seconds: int) -> Script:
    return refuse(429, "rate_limit_exceeded", "Rate limit", b"Retry-After: %d" % seconds)


async def s01(stage: Stage) -> Verdict:
    """429 with Retry-After, once: answered, and the provider is left alone for that long."""
    stage.set("s01", _then_fine(_limited(RETRY_AFTER)), NORMAL)
    first = await stage.ask("s01", 20)
    second = await stage.ask("s01", 20)
    if not (first.whole(TEXT) and second.whole(TEXT)):
        worst = first if not first.whole(TEXT) else second
        return safe_or_fail(worst.clean_error, worst.line(), worst.total_s)
    times = [one.started_at for one in stage.calls("s01")]
    early = len(times) > 1 and times[1] - times[0] < RETRY_AFTER * 0.95
    if early:
        return Verdict(Score.PARTIAL, "asked again before Retry-After was over", first.total_s)
    return Verdict(Score.PASS, "answered, Retry-After kept", first.total_s)


async def s02(stage: Stage) -> Verdict:
    """429 everywhere and always: an honest 429 soon, after few tries."""
    stage.set("s02", _limited(7), _limited(7))
    outcome = await stage.ask("s02", 30)
    calls = len(stage.calls("s02")) + len(stage.backup_calls("s02"))
    why = f"{outcome.line()}, {calls} calls"
    if outcome.hung or not outcome.clean_error:
        return Verdict(Score.FAIL, why, outcome.total_s)
    if calls > MOST_CALLS:
        return Verdict(Score.PARTIAL, why, outcome.total_s)
    kept = outcome.status == 429 and outcome.headers.get("retry-after") is not None
    return Verdict(Score.PASS if kept else Score.SAFE, why, outcome.total_s)


async def _recovers(stage: Stage, name: str, fault: Script, limit: float) -> Verdict:
    """The primary fails every time; a whole answer must come from somewhere."""
    stage.set(name, fault, NORMAL)
    outcome = await stage.ask(name, limit)
    if outcome.whole(TEXT):
        return Verdict(Score.PASS, "answered by the fallback", outcome.total_s)
    return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)


async def s03(stage: Stage) -> Verdict:
    """One 500."""
    stage.set("s03", _then_fine(REFUSALS["500"]), NORMAL)
    outcome = await stage.ask("s03", 20)
    if outcome.whole(TEXT):
        return Verdict(Score.PASS, "answered", outcome.total_s)
    return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)


async def s04(stage: Stage) -> Verdict:
    """503."""
    return await _recovers(stage, "s04", REFUSALS["503"], 20)


async def s05(stage: Stage) -> Verdict:
    """The connection is reset before an answer."""
    return await _recovers(stage, "s05", BREAKS["reset-before-headers"], 20)


async def s06(stage: Stage) -> Verdict:
    """No response at all: ended in under 100 s, and the silent provider is asked once."""
    await stage.learn("s06")
    before = len(stage.calls("s06"))
    stage.set("s06", BREAKS["stall-before-headers"], NORMAL)
    outcome = await stage.ask("s06", 100)
    calls = len(stage.calls("s06")) - before
    if outcome.hung:
        return Verdict(Score.FAIL, outcome.line(), outcome.total_s)
    if calls > 1:
        return Verdict(Score.PARTIAL, f"{outcome.line()}, silent one asked {calls} times")
    if not outcome.whole(TEXT):
        return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)
    if not await stage.closed("s06"):
        return Verdict(Score.PARTIAL, "answered; the silent request stays open", outcome.total_s)
    return Verdict(Score.PASS, stage.told("s06", outcome), outcome.total_s)


def _slow(turn: Turn) -> Iterator[Step]:
    """Headers and a role at once, the first token after 40 s."""
    yield turn.head() + chunk(turn.answer.opening)
    yield 40.0
    yield from turn.paced(TOKENS)
    a = turn.answer
    yield chunk(a.finish) + chunk(a.usage) + chunk(a.done) + LAST_CHUNK


async def s07(stage: Stage) -> Verdict:
    """A slow first token: somebody's first token in under 15 s."""
    await stage.learn("s07")
    stage.set("s07", _slow, NORMAL)
    outcome = await stage.ask("s07", 60)
    if outcome.whole(TEXT):
        soon = outcome.first_token_s < 15
        why = stage.told("s07", outcome)
        return Verdict(Score.PASS if soon else Score.FAIL, why, outcome.total_s)
    return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)


def _cut(after: int, pause: float = 0.02, act: Act = Act.CLOSE) -> Script:
    def script(turn: Turn) -> Iterator[Step]:
        yield turn.head()
        yield from turn.paced(after)
        yield pause
        yield act

    return script


async def s08(stage: Stage) -> Verdict:
    """The connection ends at 40 of 60 tokens: the whole answer, or an error that is seen."""
    stage.set("s08", _cut(40), continuing)
    return all_or_error(await stage.ask("s08", 30))


def _pausing(turn: Turn) -> Iterator[Step]:
    """30 s of silence after 20 tokens."""
    yield turn.head()
    yield from turn.paced(20)
    yield 30.0
    for piece in turn.answer.tokens[20:]:
        yield chunk(piece)
        yield 0.005
    a = turn.answer
    yield chunk(a.finish) + chunk(a.usage) + chunk(a.done) + LAST_CHUNK


async def s09(stage: Stage) -> Verdict:
    """A stall of 30 s in the middle: bounded, and the gateway lives."""
    await stage.learn("s09")
    stage.set("s09", _pausing, continuing)
    outcome = await stage.ask("s09", 60)
    if not await stage.alive():
        return Verdict(Score.FAIL, "the gateway serves nothing afterwards", outcome.total_s)
    return all_or_error(outcome)


async def s10(stage: Stage) -> Verdict:
    """A malformed event in the middle: the rest of the answer is not lost."""
    stage.set("s10", ODDITIES["bad-json-chunk"], continuing)
    return all_or_error(await stage.ask("s10", 20), error=Score.SAFE)


async def s11(stage: Stage) -> Verdict:
    """No [DONE] at the end: the whole text, promptly."""
    stage.set("s11", ODDITIES["no-done"], NORMAL)
    outcome = await stage.ask("s11", 20)
    if outcome.whole(TEXT):
        prompt = outcome.total_s < 5
        return Verdict(Score.PASS if prompt else Score.PARTIAL, outcome.line(), outcome.total_s)
    return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)


async def s12(stage: Stage) -> Verdict:
    """The context is too long: no second try of the same model, a larger one is asked."""
    stage.set("s12", REFUSALS["400-context"], NORMAL)
    outcome = await stage.ask("s12", 20)
    calls = len(stage.calls("s12"))
    if calls > 1:
        return Verdict(Score.FAIL, f"the same model was asked {calls} times", outcome.total_s)
    if outcome.whole(TEXT):
        return Verdict(Score.PASS, "answered by the larger model", outcome.total_s)
    return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)


async def s13(stage: Stage) -> Verdict:
    """A content filter: the refusal reaches the client and is not routed around."""
    stage.set("s13", REFUSALS["400-content-filter"], NORMAL)
    outcome = await stage.ask("s13", 20)
    if stage.backup_calls("s13"):
        return Verdict(Score.FAIL, "the refused prompt went to another provider", outcome.total_s)
    if outcome.status == 400 and "filter" in outcome.body.decode("utf-8", "replace"):
        return Verdict(Score.PASS, "the refusal was passed on", outcome.total_s)
    return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)


def _no_prefill(turn: Turn) -> Iterator[Step]:
    said = turn.body.get("messages") or [{}]
    if said[-1].get("role") == "assistant":
        yield from REFUSALS["400-prefill"](turn)
    else:
        yield from continuing(turn)


async def s14(stage: Stage) -> Verdict:
    """A break in the middle, and a fallback that takes no prefill."""
    stage.set("s14", _cut(40), _no_prefill)
    return all_or_error(await stage.ask("s14", 30))


async def s15(stage: Stage) -> Verdict:
    """A provider that flaps: served throughout, probed with discipline, used again in 30 s."""
    name = "s15"
    broken = REFUSALS["500"]
    stage.set(name, broken, NORMAL)
    started = time.monotonic()
    asked = bad = 0
    while time.monotonic() - started < FLAP_SECONDS:
        bad += not (await stage.ask(name, 10)).whole(TEXT)
        asked += 1
    probes = len(stage.calls(name))
    if bad:
        return Verdict(Score.FAIL, f"{bad} of {asked} requests failed while it was down")
    stage.set(name, NORMAL, NORMAL)
    recovered = time.monotonic()
    back = 0.0
    while time.monotonic() - recovered < BACK_SECONDS and not back:
        before = len(stage.calls(name))
        bad += not (await stage.ask(name, 10)).whole(TEXT)
        if len(stage.calls(name)) > before:
            back = time.monotonic() - recovered
        await asyncio.sleep(0.1)
    why = f"{probes} probes in {asked} requests while down"
    if bad or probes > asked * 0.5:
        return Verdict(Score.FAIL if bad else Score.PARTIAL, why, FLAP_SECONDS)
    if not back:
        return Verdict(Score.PARTIAL, f"{why}; not used again within {BACK_SECONDS:.0f} s")
    return Verdict(Score.PASS, f"{why}; used again after {back:.1f} s", back)


async def s16(stage: Stage) -> Verdict:
    """After a failover, the client can tell which model answered, and usage is the fallback's."""
    stage.set("s16", REFUSALS["500"], NORMAL)
    outcome = await stage.ask("s16", 20)
    if not outcome.whole(TEXT):
        return safe_or_fail(outcome.clean_error, outcome.line(), outcome.total_s)
    named = [outcome.model, *(v for k, v in outcome.headers.items() if "model" in k)]
    told = any("b-s16" in one for one in named)
    right = usage_is_right(outcome)
    if told and right:
        return Verdict(Score.PASS, "model and usage are the fallback's", outcome.total_s)
    missing = "usage" if told else "the model's name"
    return Verdict(Score.PARTIAL, f"{missing} is not the fallback's", outcome.total_s)


Scenario = Callable[[Stage], Awaitable[Verdict]]
SCENARIOS: dict[str, Scenario] = {
    "S01": s01, "S02": s02, "S03": s03, "S04": s04, "S05": s05, "S06": s06, "S07": s07,
    "S08": s08, "S09": s09, "S10": s10, "S11": s11, "S12": s12, "S13": s13, "S14": s14,
    "S15": s15, "S16": s16,
}  # fmt: skip
