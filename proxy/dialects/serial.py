"""One thing after another: formats whose answers are a row of blocks, from events that interleave.

Providers that follow OpenAI may announce several tool calls and then send their arguments in
turns. A block that was ended cannot be opened again, so what belongs to another block waits while
a call's arguments are no whole JSON object yet. Where one call follows the other, as nearly always,
nothing waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from proxy.chat import Event, Reasoning, Text, ToolCall

_ENDS = ("}", "\n", " ")  # how the last piece of a JSON object may end


class Serial:
    """Puts text, reasoning and calls of one choice in a row."""

    __slots__ = ("_arguments", "_call", "_ended", "_waiting")

    def __init__(self) -> None:
        self._call: int | None = None  # the call whose block is open
        self._arguments: list[str] = []
        self._ended: set[int] = set()
        self._waiting: list[Event] = []

    def feed(self, event: Text | Reasoning | ToolCall) -> Sequence[Event]:
        """The events whose turn has come, in order."""
        if self._call is None and not isinstance(event, ToolCall):
            return (event,)
        if isinstance(event, ToolCall) and event.index == self._call:
            self._arguments.append(event.arguments)
            return (event,) if not self._waiting else (event, *self._released())
        if self._call is not None and (self._waiting or not self._complete()):
            self._waiting.append(event)
            return ()
        return self._turn(event)

    def flush(self) -> list[Event]:
        """All that still waits, each call in one piece, at the end of the answer."""
        waiting, self._waiting = self._waiting, []
        pieces: dict[int, ToolCall] = {}
        rest: list[Event] = []
        for event in waiting:
            if isinstance(event, ToolCall):
                first = pieces.get(event.index)
                pieces[event.index] = event if first is None else _joined(first, event)
            else:
                rest.append(event)
        if self._call is not None:
            self._ended.add(self._call)
            self._call = None
        calls = [one for index, one in pieces.items() if index not in self._ended]
        return [*rest, *calls]

    def _released(self) -> list[Event]:
        if not self._complete():
            return []
        waiting, self._waiting = self._waiting, []
        out: list[Event] = []
        for event in waiting:
            if isinstance(event, Text | Reasoning | ToolCall):
                out.extend(self.feed(event))
        return out

    def _turn(self, event: Text | Reasoning | ToolCall) -> Sequence[Event]:
        if self._call is not None:
            self._ended.add(self._call)
            self._call = None
        if isinstance(event, ToolCall):
            if event.index in self._ended:
                return ()  # a blank after the arguments' end
            self._call = event.index
            self._arguments = [event.arguments]
        return (event,)

    def _complete(self) -> bool:
        if not self._arguments[-1].endswith(_ENDS):
            return False
        try:
            return isinstance(orjson.loads("".join(self._arguments)), dict)
        except orjson.JSONDecodeError:
            return False


def _joined(first: ToolCall, more: ToolCall) -> ToolCall:
    return replace(
        first,
        id=first.id or more.id,
        name=first.name or more.name,
        arguments=first.arguments + more.arguments,
    )
