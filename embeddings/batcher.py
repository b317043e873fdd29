"""Many questions, few runs: texts that arrive together are encoded together.

A question that finds the model idle waits for company for a bounded moment; while the model runs,
what arrives is collected for the next run. What nobody waits for any more is not run at all. A
question of many texts is run by a batch at a time, and in turn with all others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embeddings.wire import Vectors

WAIT_SECONDS = 0.0002
BATCH_TEXTS = 64
WAITING_TEXTS = 4096  # beyond it a question is refused at once
RUN_SECONDS = 60.0  # after which a run will never end: a device that hangs does not say so
HOPELESS_RUNS = 16  # failed in a row: the device will not recover within this process


class Overloaded(Exception):
    """More is asked than can be answered in time."""


@dataclass(slots=True, eq=False)
class _Asked:
    texts: Sequence[str]
    until_ns: int
    answer: Callable[[Any], None]
    finish: Callable[[Vectors], Any]
    wanted: Callable[[], bool]
    begun: int = 0  # texts that were taken for a run
    parts: list[Vectors] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Texts that no run has taken."""
        return len(self.texts) - self.begun


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one run does of a question: texts start to stop of it."""

    asked: _Asked
    start: int
    stop: int


@dataclass(slots=True)
class Counts:
    """Since the start."""

    questions: int = 0
    texts: int = 0
    runs: int = 0
    stale: int = 0
    refused: int = 0
    failed: int = 0


class Batcher:
    """Collects questions on the loop, runs the model on one worker."""

    def __init__(
        self,
        encode: Callable[[Sequence[str]], Vectors],
        worker: Executor,
        now_ns: Callable[[], int],
        *,
        wait_s: float = WAIT_SECONDS,
        batch_texts: int = BATCH_TEXTS,
        hopeless: Callable[[], None] = lambda: None,
        hung: Callable[[], None] = lambda: None,
    ) -> None:
        """encode: runs on the worker, one batch at a time. now_ns: CLOCK_MONOTONIC. hopeless:
        called once when HOPELESS_RUNS in a row have failed. hung: called when a run has taken
        RUN_SECONDS."""
        self._encode = encode
        self._worker = worker
        self._now_ns = now_ns
        self._wait_s = wait_s
        self._batch_texts = batch_texts
        self._waiting: deque[_Asked] = deque()
        self._texts = 0
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.counts = Counts()
        self._failing = 0  # runs that failed in a row
        self._hopeless = hopeless
        self._hung = hung

    def ask(
        self,
        texts: Sequence[str],
        until_ns: int,
        answer: Callable[[Any], None],
        finish: Callable[[Vectors], Any] = lambda vectors: vectors,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """answer hears what finish makes of the vectors, on the worker too; or None where it is too
        late or the model failed. wanted: whether whoever asked is still there.

        Raises Overloaded.
        """
        if self._texts + len(texts) > WAITING_TEXTS:
            self.counts.refused += 1
            raise Overloaded
        self.counts.questions += 1
        self._waiting.append(_Asked(texts, until_ns, answer, finish, wanted))
        self._texts += len(texts)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            asyncio.get_running_loop().call_later(self._wait_s, self._run)

    async def drain(self) -> None:
        """Until everything asked so far is answered."""
        await self._idle.wait()

    def give_up(self) -> None:
        """What no run has taken is answered by None."""
        waiting, self._waiting, self._texts = self._waiting, deque(), 0
        for one in waiting:
            one.answer(None)

    def _take(self) -> list[_Piece]:
        now = self._now_ns()
        taken: list[_Piece] = []
        room = self._batch_texts
        while self._waiting and (room or not taken):
            one = self._waiting[0]
            if one.until_ns <= now or not one.wanted():
                self.counts.stale += 1
                self._leave(one)
                one.answer(None)
                continue
            if taken and room < one.left <= self._batch_texts:
                break  # the next run has room for all of it
            piece = _Piece(one, one.begun, one.begun + min(room, one.left))
            taken.append(piece)
            self._texts -= piece.stop - piece.start
            room -= piece.stop - piece.start
            one.begun = piece.stop
            self._waiting.popleft()
            if one.left:
                self._waiting.append(one)
        return taken

    def _leave(self, one: _Asked) -> None:
        """No more of it is to be run."""
        if one in self._waiting:
            self._waiting.remove(one)
            self._texts -= one.left

    def _run(self) -> None:
        batch = self._take()
        if not batch:
            self._busy = False
            self._idle.set()
            return
        self.counts.runs += 1
        self.counts.texts += sum(piece.stop - piece.start for piece in batch)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(RUN_SECONDS, self._hung)
        future = loop.run_in_executor(self._worker, self._work, batch)
        future.add_done_callback(lambda _: timer.cancel())
        future.add_done_callback(lambda done: self._answered(batch, done))

    def _work(self, batch: Sequence[_Piece]) -> list[Any]:
        """What each question is answered with, None for one with texts left; on the worker."""
        vectors = self._encode(
            [text for piece in batch for text in piece.asked.texts[piece.start : piece.stop]]
        )
        found: list[Any] = []
        place = 0
        for piece in batch:
            one, size = piece.asked, piece.stop - piece.start
            part = vectors[place : place + size]
            place += size
            if one.parts or size < len(one.texts):
                one.parts.append(part)
            if piece.stop < len(one.texts):
                found.append(None)
            else:
                found.append(one.finish(np.concatenate(one.parts) if one.parts else part))
        return found

    def _answered(self, batch: Sequence[_Piece], done: asyncio.Future[list[Any]]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            self.counts.failed += 1
            self._failing += 1
            if self._failing == HOPELESS_RUNS:
                self._hopeless()
            for piece in batch:
                self._leave(piece.asked)
                piece.asked.answer(None)
        else:
            self._failing = 0
            for piece, found in zip(batch, done.result(), strict=True):
                if piece.stop == len(piece.asked.texts):
                    piece.asked.answer(found)
        self._run()
