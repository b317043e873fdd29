"""Which call of a stream a piece belongs to.

OpenAI numbers its calls, and only a call's first piece has its id and name. Others leave the number
out (Mistral), number every call 0 (Gemini's and several servers' OpenAI interface), or repeat id
and name in every piece. So a piece with another id than the call of its number begins a new call,
and one without a number belongs to the call that was begun last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from proxy.chat import ToolCall


@dataclass(slots=True)
class _Call:
    id: str
    arguments: list[str] = field(default_factory=list)  # where it has no id to be known by

    def ends_before(self, piece: ToolCall) -> bool:
        """Whether a piece with a name begins another call."""
        if piece.id and self.id:
            return piece.id != self.id
        return piece.arguments[:1] == "{" and self._is_complete()

    def _is_complete(self) -> bool:
        try:
            return isinstance(orjson.loads("".join(self.arguments)), dict)
        except orjson.JSONDecodeError:
            return False


class Calls:
    """The calls of one choice. Their numbers are the provider's as far as these tell them apart."""

    __slots__ = ("_calls", "_last", "_now")

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}  # by their number here
        self._now: dict[int, int] = {}  # the provider's number -> the call it stands for now
        self._last = 0

    def place(self, piece: ToolCall) -> None:
        """Gives a piece its number. One that came without has -1, -2, ... by its place."""
        told = piece.index
        number = self._now.get(told) if told >= 0 else self._unnumbered(piece)
        known = self._calls.get(number) if number is not None else None
        if number is None or known is None or (piece.name and known.ends_before(piece)):
            number = told if told >= 0 and told not in self._calls else len(self._calls)
            while number in self._calls:
                number += 1
            known = self._calls[number] = _Call(piece.id)
        if told >= 0:
            self._now[told] = number
        known.id = known.id or piece.id
        if not known.id:
            known.arguments.append(piece.arguments)
        piece.index = self._last = number

    def _unnumbered(self, piece: ToolCall) -> int | None:
        if piece.name or piece.id:
            same = (
                number for number, one in self._calls.items() if piece.id and one.id == piece.id
            )
            return next(same, None if piece.id else self._last)
        place = -1 - piece.index
        return place if place else self._last
