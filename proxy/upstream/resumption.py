"""An answer that broke off, and the ways to have the rest of it from the targets that are left.

Where the request fixes seed and temperature, the same model can be asked the same once more: its
answer is followed in silence as far as it repeats what the client has, so that the joint is proven.
Otherwise the next targets go on from half a turn of their own, where their models take it, or are
told in words. A way of which the client has heard nothing yet can be left for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from proxy.errors import Kind, UpstreamFailure
from proxy.upstream.continuation import Said, continued, formed, repeats, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.chat import Event, Json
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

RESUMABLE = ("openai", "anthropic", "responses", "completions")  # can be asked for the rest
REPEATED_MOST_CHARS = 4000  # to have said again what could be continued at once: 10 to 20 s
RESUMPTIONS_MOST = 3  # of one answer; then too many targets break


class Way(Enum):
    """How the rest is asked for."""

    ANEW = "anew"  # the client has nothing yet: the request as it came
    REPEAT = "repeat"  # as it came, to be followed in silence
    PREFILL = "prefill"  # with the beginning as a turn of the model's own
    INSTRUCT = "instruct"  # with that turn and a word about what is wanted


@dataclass(slots=True)
class Resumption:
    """before: what the client has, None where it has nothing. asked: the body as it came. plan:
    all targets, as the first attempt had them. steps: those of the present way. number: which one
    of this answer's it is."""

    before: Said | None
    asked: Json
    plan: Sequence[Step]
    way: Way
    steps: Sequence[Step]
    number: int = 1
    others: list[tuple[Way, Sequence[Step]]] = field(default_factory=list)

    def body(self) -> Json:
        """What is asked now."""
        if self.before is None or self.way is Way.REPEAT:
            return self.asked
        return continued(self.asked, self.before, prefill=self.way is Way.PREFILL)

    def another(self) -> bool:
        """Turn to the next way, if there is one."""
        if not self.others:
            return False
        self.way, self.steps = self.others.pop(0)
        return True

    def refuses(self, failure: UpstreamFailure) -> bool:
        """Whether a model may only refuse half a turn of its own."""
        return self.way is Way.PREFILL and failure.kind is Kind.REFUSED


def resumption(
    exchange: Exchange,
    events: Sequence[Event] | None,
    steps: Sequence[Step],
    broken: int,
    last: Resumption | None,
) -> Resumption | None:
    """How to go on after the step that broke; None where two halves cannot be joined.

    events: of the answer so far, None where the client has nothing of it. last: an earlier one of
    the same answer.
    """
    asked = exchange.body if last is None else last.asked
    plan = steps if last is None else last.plan
    number = 1 if last is None else last.number + 1
    own = steps[broken]
    after = steps[broken + 1 :] or [own]
    if number > RESUMPTIONS_MOST:
        return None
    if events is None:
        return Resumption(None, asked, plan, Way.ANEW, after, number)
    before = said(events, asked) if exchange.kind in RESUMABLE else None
    if before is None:
        return None
    if not before.text:  # it has only thought so far, and another may think again
        return Resumption(before, asked, plan, Way.REPEAT, [*after, own], number)
    ways = _ways(asked, before, plan, own, after)
    if not ways:
        return None
    (way, first), *others = ways
    return Resumption(before, asked, plan, way, first, number, others)


def _ways(
    asked: Json, before: Said, plan: Sequence[Step], own: Step, after: Sequence[Step]
) -> list[tuple[Way, Sequence[Step]]]:
    """The ways to the rest of a text, the surest first. own: the step that broke."""
    ways: list[tuple[Way, Sequence[Step]]] = []
    joins = not formed(asked)
    if repeats(asked):
        same = [step for step in plan if step.model == own.model and step.name != own.name]
        if not joins:
            ways.append((Way.REPEAT, [*same, own]))
        elif same and len(before.text) <= REPEATED_MOST_CHARS:
            ways.append((Way.REPEAT, same))
    if joins and all(step.prefill for step in after):
        ways.append((Way.PREFILL, after))
    if joins:  # the one that broke is better than none
        ways.append((Way.INSTRUCT, after if own in after else [*after, own]))
    return ways
