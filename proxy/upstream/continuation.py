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
from proxy.routing.seam import Diverged, Echo, Seam
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
    """What was said, where anything could be joined to it; None where not. Of a model that has only
    thought so far: nothing, which is joined by any answer."""
    if any(body.get(name) not in (None, 1) for name in ("n", "best_of")):
        return None
    if any(body.get(name) for name in ("logprobs", "echo", "suffix")):
        return None
    text: list[str] = []
    opened = Opened()
    thought = False
    for event in events:
        if isinstance(event, ToolCall | Finished):
            return None
        if isinstance(event, Text):
            text.append(event.text)
        elif isinstance(event, Reasoning):
            thought = True
        elif isinstance(event, Opened) and event.id and not opened.id:
            opened = event
    whole = "".join(text)
    return Said(whole, opened) if whole.strip() or (thought and not whole) else None


def formed(body: Json) -> bool:
    """Whether the answer is to have a form, as chat, Messages or Responses ask for one: half of it
    cannot be continued. Nor can that of several prompts at once."""
    inner = (body.get("text"), body.get("output_config"))
    forms = (one.get("format") for one in inner if isinstance(one, dict))
    return isinstance(body.get("prompt"), list) or any(
        isinstance(form, dict) and form.get("type") != "text"
        for form in (body.get("response_format"), *forms)
    )


def repeats(body: Json) -> bool:
    """Whether the same model, asked the same, should say the same."""
    temperature = body.get("temperature")
    still = isinstance(temperature, int | float) and temperature == 0
    return still and isinstance(body.get("seed"), int)


def continued(body: Json, before: Said, *, prefill: bool) -> Json:
    """The request that asks for the rest: chat's and Messages' turns, Responses' items, or a
    prompt that has grown."""
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return {**body, "prompt": prompt + before.text}
    field = "messages" if "messages" in body else "input"
    turns = body[field]
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    turns = [*turns, {"role": "assistant", "content": before.text}]
    if not prefill:
        turns.append({"role": "user", "content": INSTRUCTION})
    return {**body, field: turns}


class Unlike(UpstreamFailure):
    """A continuation that cannot be joined to what it continues. Nobody's fault."""

    def __init__(self) -> None:
        super().__init__(Kind.PROTOCOL, "the continuation does not fit the answer")


class JoiningEncoder:
    """The client's stream going on: new text through the seam, counts added up.

    spent: what all of the answer has used before.
    """

    __slots__ = ("_inner", "_seam", "_spent", "heard")

    def __init__(self, inner: Encoder, seam: Seam | Echo, spent: Usage) -> None:
        self._inner = inner
        self._seam = seam
        self._spent = spent
        self.heard = False  # something new was said

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode. Raises Unlike when the two halves cannot be joined."""
        joined: list[Event] = []
        for event in events:
            if isinstance(event, Opened | Reasoning):
                continue  # the answer is open already, and its thinking is over
            if isinstance(event, Text | Finished):
                text = self._join(event)
                if text:
                    self.heard = True
                    choice = event.choice if isinstance(event, Text) else 0
                    joined.append(Text(text, choice))
                if isinstance(event, Finished):
                    joined.append(event)
            elif isinstance(event, Spent):
                joined.append(Spent(self.total(event.usage)))
            else:
                joined.append(event)
        return self._inner.encode(joined)

    def _join(self, event: Text | Finished) -> str:
        try:
            return self._seam.feed(event.text) if isinstance(event, Text) else self._seam.finish()
        except Diverged as error:
            raise Unlike from error

    def around(self, event: Event) -> None:
        """See Encoder.around: what is at the seam is looked at."""

    def total(self, usage: Usage) -> Usage:
        """The counts of all parts; those of a part that broke off are an estimate."""
        before = self._spent
        return Usage(
            prompt=before.prompt + usage.prompt,
            completion=before.completion + usage.completion,
            cached=before.cached + usage.cached,
            cache_written=before.cache_written + usage.cache_written,
            reasoning=before.reasoning + usage.reasoning,
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
