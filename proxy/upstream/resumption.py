"""An answer that broke off, and the request for the rest of it: asked of the targets that are left.

A model that takes half a turn of its own is given one; one that refuses it is told in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.errors import Kind, UpstreamFailure
from proxy.upstream.continuation import Said, continued, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.chat import Event, Json
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

RESUMABLE = ("openai", "anthropic", "responses")  # whose turns can be continued by a further turn


@dataclass(slots=True)
class Resumption:
    """before: what the client has, None where it has nothing yet. asked: the body as it came."""

    before: Said | None
    asked: Json
    prefills: bool = False

    def refused(self, failure: UpstreamFailure, exchange: Exchange) -> bool:
        """Whether a model only refuses half a turn of its own: the body asks in words now."""
        if self.before is None or not self.prefills or failure.kind is not Kind.REFUSED:
            return False
        self.prefills = False
        exchange.body = continued(self.asked, self.before, prefill=False)
        return True


def resumption(
    exchange: Exchange, events: Sequence[Event] | None, steps: Sequence[Step]
) -> Resumption | None:
    """How to go on with these steps; None where two halves cannot be joined.

    events: of the answer so far, None where the client has nothing of it. The exchange's body
    becomes the request for the rest.
    """
    if events is None:
        return Resumption(None, exchange.body)
    asked = exchange.body
    before = said(events, asked) if exchange.kind in RESUMABLE else None
    if before is None:
        return None
    prefills = all(step.prefill for step in steps)
    exchange.body = continued(asked, before, prefill=prefills)
    return Resumption(before, asked, prefills)
