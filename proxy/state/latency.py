"""First-token times as they were observed, and the deadline that follows from them.

Per target, log2 prompt-size bucket and whether the request wants reasoning, one sketch of the
times. The deadline comes from what a hedge is for, over a lognormal fit: the second attempt's
answer should come within 1.5 times the usual 99th percentile although the first one stalls, and
the later it starts, the fewer healthy answers it races for nothing. So it starts as late as that
allows, and no later than lets a new stream begin within twice the 95th percentile, which is all
that holds where nothing stalled lately; while samples are few that second bound is kept with a
margin for what a small sample cannot know, because a stall that is seen too late costs more than a
hedge too many. A bucket that knows too little borrows from its neighbours, then from the rest of
the target, then from a prior.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Any

from proxy.state.prior import SPREAD, first_token_s
from proxy.state.sketch import Reading, Sketch

P80_Z, P95_Z, P99_Z = 0.8416, 1.6449, 2.3263  # standard deviations above the mean
TAIL = 1.46  # times the 99th percentile, by which four of five second attempts should answer
STALLS = 0.008  # share of attempts that never answer, from which on there is such a tail
CALM = 1.86  # times the 95th, where there is none: 19 of 20 such deadlines keep the second bound
TWICE = 2.0  # times the 95th, by which half of them should
LEAST_Z = 1.75  # no healthy target is hedged more often than 4 %, however narrow its times are
SURE = 60.0  # weight of samples from which on the second bound needs no margin; until then
DOUBT_Z = 10.0  # the difference of one over the roots, times this, in standard errors' shape,
DOUBT_MOST = 0.6  # and no more than this
DOUBT_LEAST_Z = 1.2  # for a deadline of few samples
SEEN_LEAST = 50.0  # weight at which the 95th percentile as it was observed is believed over the fit
WIDEST = 2.2  # times the observed 95th percentile, and no more
ENOUGH = 16.0  # weight of samples at which a bucket speaks for itself
SPREAD_WEIGHT = 5.0  # samples that the prior spread counts for
STEP_SPREAD = 0.1  # variance added for every doubling of the prompt between lender and borrower
SILENT_SHARE = 0.15  # of attempts; where more never answer, some may only be slow:
SILENT_GROWTH = 4.0  # so many times the rest of the share is added to the deadline,
SILENT_MOST = 2.0  # which grows up to this factor
TELLING = 0.1  # share of the deadline before which an attempt that was given up tells nothing
STREAK = 5  # attempts given up in a row, after which each further one
STREAK_GROWTH = 1.15  # multiplies the deadline: nothing is known of an answer that never came
LEAST_S = 0.1  # no deadline is shorter: a network hiccup is not a stall
MOST_S = 30.0
REASONING_MOST_S = 120.0
BATCH = 32  # samples between two looks at a sketch that knows enough
LIMIT = 1024  # targets; those of pattern routes are the clients' words
WINDOW_S = 5.0  # of the counts that tell a slow target
SLOW_SHARE = 0.3  # of attempts, in this window and the last, over their deadline,
SLOW_MORE = 2.5  # and so many more: four of four mean something, four of twelve are chance
PROBE_S = 0.5  # between two lanes that find out what the next target is worth
SLOW_START = 2  # lanes that may move on for each answer of the target they move to

PEAK_S = 60.0  # time constant of the figure that targets are compared by

_REASONING = 64  # added to the size: histories of their own


class Pace:
    """Whether a target keeps its deadlines at present: counts of two windows."""

    __slots__ = ("ends_at", "late", "late_before", "met", "met_before", "probe_at", "sent")

    def __init__(self) -> None:
        self.ends_at = self.probe_at = 0.0
        self.met = self.late = self.met_before = self.late_before = self.sent = 0

    def roll(self, now: float) -> None:
        """Forget what is too old."""
        if now >= self.ends_at:
            fresh = now < self.ends_at + WINDOW_S
            self.met_before, self.late_before = (self.met, self.late) if fresh else (0, 0)
            self.met = self.late = self.sent = 0
            self.ends_at = now + WINDOW_S

    def slow(self, now: float) -> bool:
        """Whether so many attempts are late that more of them would make it worse."""
        self.roll(now)
        late = self.late + self.late_before
        return late > SLOW_SHARE * (late + self.met + self.met_before) + SLOW_MORE


class History:
    """One target's times, by prompt size."""

    __slots__ = ("at", "compared", "pace", "peak_s", "sizes", "target")

    def __init__(self, target: str) -> None:
        self.target = target
        self.sizes: dict[int, Sketch] = {}
        self.pace = Pace()
        self.compared = False  # somebody chooses by the peak: keep it
        self.peak_s = self.at = 0.0

    def peak(self, seconds: float, now: float) -> None:
        """Follow a slower answer at once and faster ones slowly."""
        if seconds < self.peak_s:
            seconds += (self.peak_s - seconds) * exp((self.at - now) / PEAK_S)
        self.peak_s = seconds
        self.at = now


class Latency:
    """What is normal, per target and prompt size."""

    __slots__ = ("_histories",)

    def __init__(self) -> None:
        self._histories: dict[str, History] = {}

    def observe(
        self, target: str, prompt_bytes: int, seconds: float, now: float, *, reasoning: bool = False
    ) -> None:
        """A first token came after this time."""
        history = self._histories.get(target) or self._remember(target)
        size = prompt_bytes.bit_length() + (_REASONING if reasoning else 0)
        sketch = history.sizes.get(size)
        if sketch is None:
            sketch = history.sizes[size] = Sketch()
        sketch.add(seconds, now)
        if history.compared:
            history.peak(seconds, now)
        if seconds <= sketch.limit_s or not sketch.limit_s:
            pace = history.pace
            if now >= pace.ends_at:
                pace.roll(now)
            pace.met += 1

    def censored(
        self, target: str, prompt_bytes: int, seconds: float, now: float, *, reasoning: bool = False
    ) -> None:
        """None had come when the attempt was given up after this time, whoever gave it up."""
        history = self._histories.get(target) or self._remember(target)
        size = prompt_bytes.bit_length() + (_REASONING if reasoning else 0)
        sketch = history.sizes.get(size)
        if sketch is None:
            sketch = history.sizes[size] = Sketch()
        if seconds < TELLING * sketch.limit_s:
            return  # a client that left at once, or a hedge that lost at once, says nothing
        if seconds >= 0.9 * sketch.limit_s:
            sketch.streak += 1
        sketch.cut(seconds, now)
        if history.compared:
            history.peak(max(seconds, history.peak_s), now)

    def deadline(
        self, target: str, prompt_bytes: int, now: float, *, reasoning: bool = False
    ) -> float:
        """Seconds to wait for a first token before something else is tried."""
        del now
        history = self._histories.get(target) or self._remember(target)
        size = prompt_bytes.bit_length() + (_REASONING if reasoning else 0)
        sketch = history.sizes.get(size)
        if sketch is None:
            sketch = history.sizes[size] = Sketch()
        if sketch.due <= 0:
            self._conclude(history, size, sketch)
        return sketch.limit_s

    def late(self, target: str, now: float) -> None:
        """An attempt is over its deadline."""
        pace = (self._histories.get(target) or self._remember(target)).pace
        pace.roll(now)
        pace.late += 1

    def slow(self, target: str, now: float) -> bool:
        """Whether much of what this target was asked lately is late: it needs no more load."""
        history = self._histories.get(target)
        return history is not None and history.pace.slow(now)

    def uncertain(self, target: str, following: str, now: float) -> bool:
        """Whether a target is late all the time and the one after it has to prove itself first:
        both may be slow. Who asks and is told no goes there: one every PROBE_S, and SLOW_START for
        every answer that came lately, so that a target which does answer soon gets everything."""
        if not self.slow(target, now):
            return False
        pace = (self._histories.get(following) or self._remember(following)).pace
        pace.roll(now)
        if pace.sent >= SLOW_START * (pace.met + pace.met_before):
            if now < pace.probe_at:
                return True
            pace.probe_at = now + PROBE_S
        pace.sent += 1
        return False

    def expected_s(self, target: str, now: float) -> float:
        """A pessimist's first-token time, for choosing among targets: it rises at once and falls
        slowly. Without news it fades, so that a target which was slow is tried again; 0 for one
        that nobody knows."""
        history = self._histories.get(target) or self._remember(target)
        if not history.compared:
            history.compared = True
            known = [one for one in history.sizes.values() if one.count]
            if known:
                history.peak(exp(max(known, key=lambda one: one.count).read().mean), now)
        return history.peak_s * exp((history.at - now) / PEAK_S)

    def snapshot(self) -> list[dict[str, Any]]:
        """For the admin API."""
        rows = []
        for target, history in sorted(self._histories.items()):
            for size, sketch in sorted(history.sizes.items()):
                if sketch.count == 0:
                    continue
                self._conclude(history, size, sketch)
                reading = sketch.read()
                rows.append(
                    {
                        "target": target,
                        "prompt_bytes_below": 1 << (size % _REASONING),
                        "reasoning": size >= _REASONING,
                        "observations": sketch.count,
                        "p50_s": round(exp(reading.mean), 4),
                        "p95_s": round(exp(reading.p95), 4),
                        "silent_share": round(reading.silent, 4),
                        "deadline_s": round(sketch.limit_s, 4),
                    }
                )
        return rows

    def _remember(self, target: str) -> History:
        while len(self._histories) >= LIMIT:
            del self._histories[next(iter(self._histories))]
        history = self._histories[target] = History(target)
        return history

    def _conclude(self, history: History, size: int, sketch: Sketch) -> None:
        reading = sketch.read()
        sketch.due = min(BATCH, 1 + int(reading.weight) // 4)
        if reading.weight < ENOUGH or reading.silent >= 1.0:
            limit = self._borrowed(history, size, reading)
        else:
            calm = reading.weight >= SURE and reading.silent < STALLS
            doubt = _doubt(reading.weight)
            fitted = _limit(reading.weight, reading.mean, reading.variance, doubt, calm=calm)
            excess = max(0.0, reading.silent - SILENT_SHARE)
            seen = exp(reading.p95)
            limit = min(fitted, WIDEST * seen)
            if calm:
                limit = min(limit, CALM * seen - exp(reading.mean))
            if reading.weight > SEEN_LEAST:
                limit = max(limit, seen)
            limit *= min(1 + SILENT_GROWTH * excess, SILENT_MOST)
        if sketch.streak > STREAK:
            limit *= STREAK_GROWTH ** min(sketch.streak - STREAK, 50)
        most = MOST_S if size < _REASONING else REASONING_MOST_S
        sketch.limit_s = min(max(limit, LEAST_S), most)

    def _borrowed(self, history: History, size: int, own: Reading) -> float:
        """The deadline of a bucket that knows too little by itself."""
        pool = Pool()
        if own.silent < 1.0:
            pool.add(own, own.weight, 0.0)
        for other in sorted(history.sizes, key=lambda one: abs(one - size)):
            away = abs(other - size)
            lent = history.sizes[other]
            missing = ENOUGH - pool.weight
            if 0 < away < _REASONING // 2 and missing > 0 and lent.count:
                reading = lent.read()
                if reading.silent < 1.0:
                    pool.add(reading, min(reading.weight, missing), STEP_SPREAD * away)
        prior = first_token_s(
            history.target, (1 << (size % _REASONING)) - 1, reasoning=size >= _REASONING
        )
        if pool.weight <= 0:
            return prior
        share = min(pool.weight / ENOUGH, 1.0)
        return exp(share * log(pool.limit()) + (1.0 - share) * log(prior))


class Pool:
    """Readings put together, by the weight each is given."""

    __slots__ = ("_first", "_second", "weight")

    def __init__(self) -> None:
        self.weight = self._first = self._second = 0.0

    def add(self, reading: Reading, weight: float, doubt: float) -> None:
        """doubt: variance for what is not the same."""
        self.weight += weight
        self._first += weight * reading.mean
        self._second += weight * (reading.variance + doubt + reading.mean * reading.mean)

    def limit(self) -> float:
        """Seconds that few answers exceed."""
        mean = self._first / self.weight
        return _limit(self.weight, mean, max(0.0, self._second / self.weight - mean * mean))


def _limit(
    weight: float, mean: float, variance: float, doubt: float = 0.0, *, calm: bool = False
) -> float:
    """Seconds, for a fit in log seconds. doubt: margin of the bound for few samples. calm:
    nothing stalls, so that there is no such tail and only the second bound holds."""
    wide = sqrt((weight * variance + SPREAD_WEIGHT * SPREAD) / (weight + SPREAD_WEIGHT))
    late = TAIL * exp(P99_Z * wide) - exp(P80_Z * wide)  # in medians, as the next two
    latest = TWICE * exp(P95_Z * wide) - 1.0
    if late < latest and not calm:
        wanted = max(log(late) / wide, LEAST_Z) if late > 1.0 else LEAST_Z
    else:
        wanted = log(latest) / wide
    if doubt > 0.0:
        bound = log(latest) / wide
        # the standard error of a fitted quantile, as a multiple of a median's
        bound -= doubt * sqrt(1.0 + bound * bound / 2.0)
        wanted = max(min(wanted, bound), DOUBT_LEAST_Z)
    return exp(mean + wanted * wide)


def _doubt(weight: float) -> float:
    """How many standard errors of a median earlier a deadline of so few samples is."""
    return min(DOUBT_MOST, max(0.0, DOUBT_Z * (1.0 / sqrt(weight) - 1.0 / sqrt(SURE))))
