"""What an outcome is worth."""

from __future__ import annotations

from benchmarks.faults.probe import Outcome
from benchmarks.faults.stage import TEXT, Score, Verdict


def safe_or_fail(safe: bool, why: str, seconds: float) -> Verdict:
    """No answer: an honest error is safe, anything else failed."""
    return Verdict(Score.SAFE if safe else Score.FAIL, why, seconds)


def all_or_error(outcome: Outcome, error: Score = Score.PASS) -> Verdict:
    """A whole answer passes, and so does an error that is seen; a silent cut does not."""
    if outcome.whole(TEXT):
        return Verdict(Score.PASS, "the whole answer", outcome.total_s)
    if outcome.hung:
        return Verdict(Score.FAIL, outcome.line(), outcome.total_s)
    if outcome.clean_error:
        return Verdict(error, outcome.line(), outcome.total_s)
    if outcome.cut:
        return Verdict(Score.SAFE, f"cut off without a word, {outcome.line()}", outcome.total_s)
    return Verdict(Score.FAIL, f"an incomplete answer that looks finished, {outcome.line()}")
