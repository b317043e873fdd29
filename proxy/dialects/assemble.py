"""A stream's events as one whole answer, and the reverse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from proxy.chat import (
    Answer,
    CallPart,
    Choice,
    Event,
    Extra,
    Finished,
    FinishReason,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    signature: str = ""


@dataclass(slots=True)
class _Choice:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    finish: FinishReason | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def assemble(events: Iterable[Event]) -> Answer:
    """The answer that a client would have read from this stream."""
    opened = Opened()
    usage: Usage | None = None
    choices: dict[int, _Choice] = {}
    for event in events:
        match event:
            case Opened():
                if not opened.id:
                    opened = event
            case Text(text=text, choice=choice):
                choices.setdefault(choice, _Choice()).text.append(text)
            case Reasoning(text=text, choice=choice, signature=signature):
                one = choices.setdefault(choice, _Choice())
                one.reasoning.append(text)
                if signature:
                    one.signatures.append(signature)
            case ToolCall():
                _add_call(choices.setdefault(event.choice, _Choice()), event)
            case Extra(choice=choice):
                _add_extra(choices.setdefault(choice, _Choice()).extra, event)
            case Finished(reason=reason, choice=choice):
                choices.setdefault(choice, _Choice()).finish = reason
            case Spent(usage=counted):
                usage = counted
            case _:
                pass
    whole = tuple(_whole(choices[index]) for index in sorted(choices)) or (Choice(finish="stop"),)
    return Answer(opened.id, opened.model, opened.created, whole, usage)


def _add_call(choice: _Choice, event: ToolCall) -> None:
    call = choice.calls.setdefault(event.index, _Call())
    call.id = call.id or event.id
    call.name = call.name or event.name
    call.arguments.append(event.arguments)
    call.signature = call.signature or event.signature


def _add_extra(extra: dict[str, Any], event: Extra) -> None:
    """Lists grow, and so do the lists inside objects (logprobs); anything else is the latest."""
    before, value = extra.get(event.field), event.value
    if isinstance(before, list) and isinstance(value, list):
        value = [*before, *value]
    elif isinstance(before, dict) and isinstance(value, dict):
        value = {
            **before,
            **{
                name: [*(before.get(name) or ()), *more] if isinstance(more, list) else more
                for name, more in value.items()
            },
        }
    extra[event.field] = value


def _whole(choice: _Choice) -> Choice:
    return Choice(
        text="".join(choice.text),
        reasoning="".join(choice.reasoning),
        # Several proofs are of a thought each, and none is of all of them together.
        reasoning_signature=choice.signatures[0] if len(choice.signatures) == 1 else "",
        calls=tuple(
            CallPart(call.id, call.name, "".join(call.arguments), call.signature)
            for _, call in sorted(choice.calls.items())
        ),
        finish=choice.finish,
        extra=choice.extra or None,
    )


def named(answer: Answer, id: str, model: str, created: int) -> Answer:
    """The answer with these in place of what its format does not say. created: Unix seconds."""
    return replace(
        answer,
        id=answer.id or id,
        model=answer.model or model,
        created=answer.created or created,
    )


def events_of(answer: Answer) -> list[Event]:
    """The shortest stream that says the same."""
    events: list[Event] = [Opened(answer.id, answer.model, answer.created)]
    for index, choice in enumerate(answer.choices):
        if choice.reasoning or choice.reasoning_signature:
            events.append(Reasoning(choice.reasoning, index, choice.reasoning_signature))
        if choice.text:
            events.append(Text(choice.text, index))
        events.extend(Extra(name, value, index) for name, value in (choice.extra or {}).items())
        for place, call in enumerate(choice.calls):
            events.append(
                ToolCall(place, call.id, call.name, call.arguments, index, call.signature)
            )
        events.append(Finished(choice.finish or "stop", index))
    if answer.usage is not None:
        events.append(Spent(answer.usage))
    return events
