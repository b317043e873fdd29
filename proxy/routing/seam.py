"""Where one target's answer ends and another continues it: what of the new text is really new.

A model asked to go on may go on exactly (prefill), repeat the last words first, or start the
answer again from its beginning. The seam holds the new text back until it knows which, drops what
was said already, and passes the rest. A model asked for the same answer once more, with the seed
and the temperature of the first, should say the same: the echo is silent while it does. Text is in
characters.
"""

from __future__ import annotations

OVERLAP_LEAST = 12  # shorter agreements are chance: "the " ends one sentence and begins another
OVERLAP_MOST = 400
DECIDE_AT = 48  # characters of new text after which a restart has shown itself


class Diverged(Exception):
    """The new answer began like the old one and then went another way: they cannot be joined."""


class Seam:
    """Joins a stream of new text to what was already said. Feed it in order, then finish."""

    __slots__ = ("_held", "_open", "_said", "_settled")

    def __init__(self, said: str) -> None:
        self._said = said
        self._held = ""
        self._settled = False
        self._open = len(said)

    def feed(self, text: str) -> str:
        """The part of the new text that the client has not seen yet. May raise Diverged."""
        if self._settled:
            return text
        self._held += text
        held, said = self._held, self._said
        if self._restarts():
            if len(held) <= len(said):
                return ""  # still repeating from the beginning
            return self._settle(held[len(said) :])
        same = _agreeing(held, said)
        if same >= DECIDE_AT and same < len(said):
            raise Diverged
        if len(held) < min(DECIDE_AT, OVERLAP_MOST) and _may_overlap(held, said):
            return ""
        return self._settle(held[_overlap(said, held) :])

    def finish(self) -> str:
        """What was still held back when the new answer ended."""
        if self._settled:
            return ""
        held = self._held
        if self._restarts() and len(held) >= OVERLAP_LEAST:
            return self._settle("")
        return self._settle(held[_overlap(self._said, held) :])

    def _restarts(self) -> bool:
        held, said = self._held, self._said
        return held.startswith(said) if len(held) > len(said) else said.startswith(held)

    def _settle(self, text: str) -> str:
        self._settled = True
        self._held = ""
        if text and self._said[-1:].isspace() and text[0] == " ":
            return text[1:]
        return text


class Echo:
    """Joins the same answer, given once more, to what was already said of it: proven, not guessed.

    Feed it in order, then finish; both raise Diverged as soon as the answer is not the same.
    """

    __slots__ = ("_at", "_said")

    def __init__(self, said: str) -> None:
        self._said = said
        self._at = 0

    @property
    def silent(self) -> bool:
        """Whether nothing new was heard yet."""
        return self._at < len(self._said)

    def feed(self, text: str) -> str:
        """The part of the new text that the client has not seen yet."""
        at, said = self._at, self._said
        if at >= len(said):
            return text
        again = min(len(text), len(said) - at)
        if not said.startswith(text[:again], at):
            raise Diverged
        self._at = at + again
        return text[again:]

    def finish(self) -> str:
        """Nothing is ever held back; an answer that ended before it had said as much is another."""
        if self.silent:
            raise Diverged
        return ""


def _agreeing(a: str, b: str) -> int:
    """Length of the common beginning."""
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return index
    return min(len(a), len(b))


def _may_overlap(held: str, said: str) -> bool:
    """Whether the new text so far occurs near the end of the old one."""
    return held.strip() == "" or held in said[-OVERLAP_MOST:]


def _overlap(said: str, text: str) -> int:
    """Length of the longest end of said that text begins with, if it is more than chance."""
    for size in range(min(len(said), len(text), OVERLAP_MOST), OVERLAP_LEAST - 1, -1):
        if said.endswith(text[:size]):
            return size
    return 0
