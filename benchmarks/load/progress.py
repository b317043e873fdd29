"""The live line of a run in a terminal: how far, how fast, how well. Silent elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

from benchmarks.load.run import Run

_WIDTH = 24
_BLOCKS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_HISTORY = 16  # slices in the sparkline


class Progress:
    """Draws a run on one line, twice a second."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.on = not quiet and self.stream.isatty()

    def __call__(self, run: Run) -> None:
        if self.on:
            self.stream.write(f"\r\x1b[2K{line(run)}")
            self.stream.flush()

    def end(self) -> None:
        if self.on:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()


def line(run: Run) -> str:
    """The state of a run in about 110 columns."""
    tally, load = run.tally, run.load
    now = tally.slices[-1]
    before = tally.slices[-2].at if len(tally.slices) > 1 else 0.0
    span = max(1e-6, now.at - before)
    share = max(
        run.elapsed / load.seconds if load.seconds else 0.0,
        (tally.ok + tally.failed) / load.count if load.count else 0.0,
    )
    parts = [
        bar(share),
        f"{run.elapsed:5.1f}s",
        f"{now.ok / span:7.0f} req/s",
        f"{run.open:5d} open",
    ]
    if tally.tokens:
        parts.append(f"{now.tokens / span:8.0f} tok/s")
        parts.append(f"ttft {now.ttft_p50 * 1e3:.1f}/{now.ttft_p99 * 1e3:.1f} ms")
    else:
        parts.append(f"total {now.total_p50 * 1e3:.1f}/{now.total_p99 * 1e3:.1f} ms")
    parts.append(spark([one.ok for one in tally.slices[-_HISTORY:]]))
    if tally.failed:
        parts.append(f"\x1b[31m{tally.failed} errors\x1b[0m")
    return " ".join(parts)


def bar(share: float) -> str:
    """A bar of fixed width, filled to an eighth of a column."""
    share = min(1.0, max(0.0, share))
    eighths = round(share * _WIDTH * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_BLOCKS[rest] if rest else "")
    return f"{filled:<{_WIDTH}} {share:4.0%}"


def spark(values: list[int]) -> str:
    highest = max(values, default=0)
    if not highest:
        return ""
    return "".join(_SPARKS[min(7, value * 8 // (highest + 1))] for value in values)
