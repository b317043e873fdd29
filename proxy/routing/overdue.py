"""A lane over its deadline: keep it and race another, replace it, or leave it more time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proxy.routing.race import Lane, Stalled, Verdict

PATIENCE = 1.2  # times the deadline, after which a lane is given up where no hedge can be paid
SWITCH_PATIENCE = 1.1  # likewise, on a route that never hedges: a switch throws waiting away
BROWN_OUT_PATIENCE = 4.0  # likewise, while the next target is late itself,
BROWN_OUT_PATIENCE_S = 10.0  # and at least so long
UNCERTAIN_S = 10.0  # and so long while nobody knows whether the next target is any better
SLICE = 0.25  # of the deadline, until a lane that was left more time is looked at again
LAST_PATIENCE_S = 30.0  # for the last target's first token, where the deadline was only learned
_GRAIN = 0.001  # of the deadline: a timer's rounding


class Purse(Protocol):
    """A hedging budget, as far as a verdict uses it."""

    def take(self) -> bool: ...


def overdue(
    lane: Lane,
    *,
    waited_s: float,
    deadline_s: float,
    adaptive: bool,
    next_slow: bool,
    purse: Purse | None,
    uncertain: Callable[[], bool] = lambda: False,
) -> Stalled:
    """The report of a lane without a token after waited_s, while another target is left.

    adaptive: the deadline was learned; one that was set is kept to the letter. next_slow: whether
    the target that would come next is late itself; then the whole pool is slow, and another
    request makes it worse. purse: what hedges are paid from, None for a route that only switches.
    Where it is empty, a lane gets a fifth of its time again before it is replaced. uncertain: asked
    before that; whether so many are to be replaced at once that others should first find out what
    the next target is worth.
    """
    waited = waited_s / deadline_s + _GRAIN
    if next_slow:
        patient = waited < BROWN_OUT_PATIENCE or waited_s < BROWN_OUT_PATIENCE_S
    elif purse is not None and purse.take():
        return Stalled(lane, Verdict.HEDGE, SLICE)
    else:
        enough = PATIENCE if purse is not None else SWITCH_PATIENCE
        patient = adaptive and (waited < enough or (waited_s < UNCERTAIN_S and uncertain()))
    return Stalled(lane, Verdict.WAIT if patient else Verdict.SWITCH, SLICE)


def overdue_last(lane: Lane, *, waited_s: float, deadline_s: float, adaptive: bool) -> Stalled:
    """The same where no target is left. adaptive: the deadline was learned, not set; giving up
    is then worse than waiting."""
    patience = LAST_PATIENCE_S if adaptive else 0.0
    if waited_s + _GRAIN * deadline_s >= patience:
        return Stalled(lane, Verdict.SWITCH)
    return Stalled(lane, Verdict.WAIT, (patience - waited_s) / deadline_s)
