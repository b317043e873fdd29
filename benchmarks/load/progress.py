"""The live line of a run in a terminal: how far, how fast, how well. Silent elsewhere."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TextIO

from benchmarks.load.run import Run

_WIDTH = 24
_BLOCKS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_HISTORY = 16  # slices in the sparkline
_COLUMNS = 120  # where the terminal does not tell
_COLOR = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class State:
    """A moment of a run, or of several that belong together. Times in seconds, rates of the last
    slice by the second."""

    elapsed: float
    share: float  # of the whole run, 0 to 1
    rate: float
    token_rate: float
    open: int
    failed: int
    streams: bool
    p50: float  # of first tokens, or of whole answers where nothing streams
    p99: float
    history: tuple[int, ...]  # answers of the last slices


def state_of(run: Run) -> State:
    tally, load = run.tally, run.load
    now = tally.slices[-1]
    before = tally.slices[-2].at if len(tally.slices) > 1 else 0.0
    span = max(1e-6, now.at - before)
    share = max(
        run.elapsed / load.seconds if load.seconds else 0.0,
        (tally.ok + tally.failed) / load.count if load.count else 0.0,
    )
    streams = tally.tokens > 0
    return State(
        elapsed=run.elapsed,
        share=min(1.0, share),
        rate=now.ok / span,
        token_rate=now.tokens / span,
        open=run.open,
        failed=tally.failed,
        streams=streams,
        p50=now.ttft_p50 if streams else now.total_p50,
        p99=now.ttft_p99 if streams else now.total_p99,
        history=tuple(one.ok for one in tally.slices[-_HISTORY:]),
    )


def joined(states: Sequence[State]) -> State:
    """Several processes of one run: counts add up, of times the worst is shown."""
    width = max(len(one.history) for one in states)
    padded = [(0,) * (width - len(one.history)) + one.history for one in states]
    p50 = p99 = float("nan")
    for one in states:
        p50, p99 = _worse(p50, one.p50), _worse(p99, one.p99)
    return State(
        elapsed=max(one.elapsed for one in states),
        share=sum(one.share for one in states) / len(states),
        rate=sum(one.rate for one in states),
        token_rate=sum(one.token_rate for one in states),
        open=sum(one.open for one in states),
        failed=sum(one.failed for one in states),
        streams=any(one.streams for one in states),
        p50=p50,
        p99=p99,
        history=tuple(sum(column) for column in zip(*padded, strict=True)),
    )


class Progress:
    """Draws a run on one line, twice a second. label: what stands before it."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.on = not quiet and self.stream.isatty()
        self.label = ""

    def __call__(self, state: State) -> None:
        if self.on:
            room = self._columns() - 1 - len(self.label)  # a full line would wrap
            self.stream.write(f"\r\x1b[2K{self.label}{line(state, room)}")
            self.stream.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _COLUMNS
        except OSError:
            return _COLUMNS

    def end(self) -> None:
        if self.on:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()


def line(state: State, room: int = _COLUMNS) -> str:
    """The state of a run in so many columns: what matters least gives way."""
    name = "ttft" if state.streams else "total"
    parts = {
        "bar": bar(state.share),
        "elapsed": f"{state.elapsed:5.1f}s",
        "rate": f"{state.rate:7.0f} req/s",
        "open": f"{state.open:5d} open",
        "tokens": f"{state.token_rate:8.0f} tok/s" if state.streams else "",
        # nan: nothing ended in this slice
        "time": ""
        if isnan(state.p50)
        else f"{name} {state.p50 * 1e3:.1f}/{state.p99 * 1e3:.1f} ms",
        "history": spark(state.history),
        "failed": f"\x1b[31m{state.failed} errors\x1b[0m" if state.failed else "",
    }
    least = ["history", "bar", "open", "tokens", "time", "rate"]
    while len(_COLOR.sub("", text := _together(parts))) > room and least:
        parts[least.pop(0)] = ""
    return text


def _together(parts: Mapping[str, str]) -> str:
    return " ".join(part for part in parts.values() if part)


def bar(share: float) -> str:
    """A bar of fixed width, filled to an eighth of a column."""
    share = min(1.0, max(0.0, share))
    eighths = round(share * _WIDTH * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_BLOCKS[rest] if rest else "")
    return f"{filled:<{_WIDTH}} {share:4.0%}"


def spark(values: Sequence[int]) -> str:
    highest = max(values, default=0)
    if not highest:
        return ""
    return "".join(_SPARKS[min(7, value * 8 // (highest + 1))] for value in values)


def _worse(a: float, b: float) -> float:
    """The greater one; nan counts for nothing."""
    return b if isnan(a) else a if isnan(b) else max(a, b)
