"""What one model of the scripted upstream does, and the model names that say so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

MAX_TOKENS = 100_000
MAX_TOKEN_BYTES = 1 << 20
TOKEN_BYTES = 8  # " tok0001"
MAX_MS = 86_400_000.0  # a day
MAX_SIGMA = 10.0
MAX_DIGITS = 10  # of a fault's number


@dataclass(frozen=True, slots=True)
class Trace:
    """One recorded answer: the wait for its first token and the gaps after it, milliseconds."""

    first_ms: float
    gaps_ms: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(0 <= wait <= MAX_MS for wait in (self.first_ms, *self.gaps_ms)):
            raise ValueError(f"a wait must be 0 to {MAX_MS:.0f} ms")


@dataclass(frozen=True, slots=True)
class Scenario:
    """How an answer goes: its size, its pace, and what is wrong with it.

    first_ms is the wait before the first token, interval_ms the gap between tokens; 0 sends
    back to back. With a sigma they are the medians of a lognormal distribution.
    """

    tokens: int = 64
    first_ms: float = 0.0
    interval_ms: float = 0.0
    first_sigma: float = 0.0
    interval_sigma: float = 0.0
    token_bytes: int = TOKEN_BYTES
    usage: bool = True
    late_head: bool = False  # the response head leaves only with the first event
    status: int = 0  # answer this error status instead
    cut_after: int | None = None  # the connection ends after so many tokens
    stall_after: int | None = None  # silence after so many tokens; 0: before the first
    stall_share: float = 0.0  # this share of requests never gets a first token
    word: str = ""  # the stem of its tokens; empty: the upstream's
    fault: str = ""  # a name of benchmarks.mock.faults
    number: int | None = None  # the fault's number: 7 in fault-429-7
    traces: tuple[Trace, ...] = ()  # drawn at random for each request

    def __post_init__(self) -> None:
        if not 0 <= self.tokens <= MAX_TOKENS:
            raise ValueError(f"tokens must be 0 to {MAX_TOKENS}, not {self.tokens}")
        if not 0 <= self.token_bytes <= MAX_TOKEN_BYTES:
            raise ValueError(f"token_bytes must be 0 to {MAX_TOKEN_BYTES}")
        if not all(0 <= wait <= MAX_MS for wait in (self.first_ms, self.interval_ms)):
            raise ValueError(f"first_ms and interval_ms must be 0 to {MAX_MS:.0f}")
        if not all(0 <= sigma <= MAX_SIGMA for sigma in (self.first_sigma, self.interval_sigma)):
            raise ValueError(f"a sigma must be 0 to {MAX_SIGMA:.0f}")
        if self.status and not 200 <= self.status <= 599:
            raise ValueError("status must be 200 to 599")


# letter of a model name -> field, and what the number becomes
_LETTERS: dict[str, tuple[str, type]] = {
    "t": ("tokens", int),
    "f": ("first_ms", float),
    "i": ("interval_ms", float),
    "d": ("first_sigma", float),
    "j": ("interval_sigma", float),
    "b": ("token_bytes", int),
    "u": ("usage", bool),
    "l": ("late_head", bool),
    "e": ("status", int),
    "x": ("cut_after", int),
    "s": ("stall_after", int),
    "h": ("stall_share", float),
}
# a fault is about the way it happens, not about volume; the pace lets every token be read alone
_FAULT_DEFAULTS = Scenario(tokens=20, interval_ms=2.0)
_FAULT_CHANGES: dict[str, dict[str, Any]] = {
    "big-event": {"tokens": 3, "token_bytes": MAX_TOKEN_BYTES},
    "byte-at-a-time": {"tokens": 4},  # a few hundred writes, not thousands
    "slow-drip": {"tokens": 8},
    "utf8-split": {"tokens": 4, "word": "tök€😀"},  # 2, 3 and 4 bytes, cut every third
}


def parse(model: str, faults: Iterable[str], default: Scenario | None = None) -> Scenario:
    """The scenario that a model name asks for: `mock-t64-f100-i20` or `fault-NAME[-N][-t8...]`.

    The name may stand anywhere in the model (`primary/mock-t8`). Unknown parts end the
    reading; a name without a scenario gets the default.
    """
    default = default or Scenario()
    start = model.find("fault-")
    if start >= 0:
        rest = model[start + len("fault-") :]
        # the longest name wins: 500-html before 500
        names = [n for n in faults if rest == n or rest.startswith(n + "-")]
        if not names:
            return default
        name = max(names, key=len)
        base = replace(_FAULT_DEFAULTS, fault=name, **_FAULT_CHANGES.get(name, {}))
        return _read_letters(base, rest[len(name) :])
    start = model.find("mock")
    if start >= 0:
        return _read_letters(default, model[start + len("mock") :])
    return default


def _read_letters(scenario: Scenario, text: str) -> Scenario:
    changes: dict[str, Any] = {}
    for part in text.split("-")[1:]:
        if part.isascii() and part.isdigit() and len(part) < MAX_DIGITS:
            changes["number"] = int(part)
            continue
        field = _LETTERS.get(part[:1])
        try:
            value = float(part[1:])
        except ValueError:
            break
        if field is None or not math.isfinite(value):
            break
        name, kind = field
        changes[name] = kind(value)
    try:
        return replace(scenario, **changes)
    except ValueError:
        return scenario


def text_of(scenario: Scenario, word: str = "tok") -> str:
    word = scenario.word or word
    return "".join(token(n, scenario.token_bytes, word) for n in range(1, scenario.tokens + 1))


def token(number: int, size: int = TOKEN_BYTES, word: str = "tok") -> str:
    """Token `number`, counted from 1, filled with x to `size` bytes."""
    return f" {word}{number:04d}".ljust(size, "x")
