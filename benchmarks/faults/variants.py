"""The ways to stall or fail before the first token, one after the other: a fallback must answer
each, wholly and alone, and the provider that failed must be let go."""

from __future__ import annotations

from benchmarks.faults.stage import NORMAL, TEXT, Score, Stage, Verdict
from benchmarks.mock.faults import SCRIPTS

LIMIT_SECONDS = 40.0
VARIANTS = (
    "stall-before-headers",
    "half-status-line",
    "stall-after-headers",
    "role-only",
    "comments-only",
    "error-frame-first",
    "empty-stream",
    "done-only",
    "200-empty",
    "200-html",
    "200-truncated-json",
    "truncated-content-length",
    "close-before-headers",
    "reset-before-headers",
    "close-after-headers",
    "reset-after-headers",
    "garbage",
    "huge-header",
    "header-flood",
    "500",
    "500-html",
    "502-html",
    "503-empty",
    "529",
    "429-rubbish",
    "401-echo-key",
    "404",
    "redirect",
    "huge-line",  # what these do to a gateway must not colour what comes after them
    "gzip-bomb",
)


async def variant(stage: Stage, fault: str) -> Verdict:
    """The primary plays the fault; the backup is well."""
    name = f"v-{fault}"
    await stage.learn(name)
    before = len(stage.backup_calls(name))
    stage.set(name, SCRIPTS[fault], NORMAL)
    outcome = await stage.ask(name, LIMIT_SECONDS)
    if outcome.hung:
        return Verdict(Score.FAIL, outcome.line(), outcome.total_s)
    if not outcome.whole(TEXT):
        score = Score.SAFE if outcome.clean_error else Score.FAIL
        return Verdict(score, outcome.line(), outcome.total_s)
    if len(stage.backup_calls(name)) - before != 1:
        return Verdict(Score.PARTIAL, "the backup was asked more than once", outcome.total_s)
    if not await stage.closed(name):
        return Verdict(Score.PARTIAL, "answered; the failed request stays open", outcome.total_s)
    return Verdict(Score.PASS, stage.told(name, outcome), outcome.total_s)
