"""A stream's events as one whole answer, and the reverse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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
    signature: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    finish: FinishReason | None = None


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
                one.signature = signature or one.signature
            case ToolCall():
                _add_call(choices.setdefault(event.choice, _Choice()), event)
            case Extra(field=name, value=value, choice=choice):
                _add_extra(choices.setdefault(choice, _Choice()).extra, name, value)
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


def _add_extra(extra: dict[str, Any], name: str, value: Any) -> None:
    """Lists, such as annotations, come in pieces; anything else replaces what was there."""
    held = extra.get(name)
    if isinstance(held, list) and isinstance(value, list):
        value = [*held, *value]
    extra[name] = value


def _whole(choice: _Choice) -> Choice:
    return Choice(
        text="".join(choice.text),
        reasoning="".join(choice.reasoning),
        reasoning_signature=choice.signature,
        calls=tuple(
            CallPart(call.id, call.name, "".join(call.arguments), call.signature)
            for _, call in sorted(choice.calls.items())
        ),
        finish=choice.finish,
        extra=choice.extra or None,
    )


def events_of(answer: Answer) -> list[Event]:
    """The shortest stream that says the same."""
    events: list[Event] = [Opened(answer.id, answer.model, answer.created)]
    for index, choice in enumerate(answer.choices):
        if choice.reasoning:
            events.append(Reasoning(choice.reasoning, index, choice.reasoning_signature))
        if choice.text:
            events.append(Text(choice.text, index))
        for place, call in enumerate(choice.calls):
            events.append(
                ToolCall(place, call.id, call.name, call.arguments, index, call.signature)
            )
        for name, value in (choice.extra or {}).items():
            events.append(Extra(name, value, index))
        events.append(Finished(choice.finish or "stop", index))
    if answer.usage is not None:
        events.append(Spent(answer.usage))
    return events
