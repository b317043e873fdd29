"""Finishing an answer that broke off: what was said so far, and how another goes on from there.

A model that takes a prefilled assistant turn continues it exactly; any other is asked to. Either
may repeat itself at the seam, which routing.seam removes. Where half an answer cannot be joined
with another half (tool calls, JSON, several choices, logprobs) there is no continuation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.chat import (
    Event,
    Finished,
    Json,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.errors import Kind, UpstreamFailure
from proxy.routing.seam import Diverged, Seam
from proxy.routing.signals import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from proxy.dialects.dialect import Encoder
    from proxy.errors import ClientError

INSTRUCTION = (
    "Your answer above was cut off. Continue it from exactly where it stops. Do not repeat any of "
    "it, do not comment on the interruption, and keep its language and format."
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the client has of a broken answer."""

    text: str
    opened: Opened

    @property
    def tokens(self) -> int:
        """An estimate: the provider's own count was lost with the rest."""
        return max(1, len(self.text.encode()) // BYTES_PER_TOKEN)


def said(events: Sequence[Event], body: Json) -> Said | None:
    """What was said, where it can be continued; None where it cannot."""
    if body.get("n") not in (None, 1) or body.get("logprobs") or _formed(body):
        return None
    text: list[str] = []
    opened = Opened()
    for event in events:
        if isinstance(event, ToolCall | Finished):
            return None
        if isinstance(event, Text):
            text.append(event.text)
        elif isinstance(event, Opened) and event.id and not opened.id:
            opened = event
    whole = "".join(text)
    return Said(whole, opened) if whole.strip() else None


def _formed(body: Json) -> bool:
    """Whether the answer is to have a form, as chat, Messages or Responses ask for one."""
    inner = (body.get("text"), body.get("output_config"))
    forms = (one.get("format") for one in inner if isinstance(one, dict))
    return any(
        isinstance(form, dict) and form.get("type") != "text"
        for form in (body.get("response_format"), *forms)
    )


def continued(body: Json, before: Said, *, prefill: bool) -> Json:
    """The request that asks for the rest: chat's and Messages' turns, or Responses' items."""
    field = "messages" if "messages" in body else "input"
    turns = body[field]
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    turns = [*turns, {"role": "assistant", "content": before.text}]
    if not prefill:
        turns.append({"role": "user", "content": INSTRUCTION})
    return {**body, field: turns}


class JoiningEncoder:
    """The client's stream going on: new text through the seam, counts added up."""

    __slots__ = ("_before", "_inner", "_seam")

    def __init__(self, inner: Encoder, before: Said) -> None:
        self._inner = inner
        self._before = before
        self._seam = Seam(before.text)

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode. Raises UpstreamFailure when the two halves cannot be joined."""
        joined: list[Event] = []
        for event in events:
            if isinstance(event, Opened | Reasoning):
                continue  # the answer is open already, and its thinking is over
            if isinstance(event, Text):
                try:
                    text = self._seam.feed(event.text)
                except Diverged as error:
                    raise UpstreamFailure(
                        Kind.PROTOCOL, "the continuation does not fit the answer"
                    ) from error
                if text:
                    joined.append(Text(text, event.choice))
            elif isinstance(event, Finished):
                rest = self._seam.finish()
                if rest:
                    joined.append(Text(rest, event.choice))
                joined.append(event)
            elif isinstance(event, Spent):
                joined.append(Spent(self.total(event.usage)))
            else:
                joined.append(event)
        return self._inner.encode(joined)

    def around(self, event: Event) -> None:
        """See Encoder.around: what is at the seam is looked at."""

    def total(self, usage: Usage) -> Usage:
        """Both halves' counts; the first half's are an estimate."""
        first = self._before.tokens
        return Usage(
            prompt=usage.prompt + max(0, usage.prompt - first),
            completion=usage.completion + first,
            cached=usage.cached,
            reasoning=usage.reasoning,
            estimated=True,
        )

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume."""
        self._inner.resume(sent)

    def end(self) -> bytes:
        """See Encoder.end."""
        return self._inner.end()

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return self._inner.fail(error)
