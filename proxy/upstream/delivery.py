"""What the client gets: the winner's stream, a whole answer, or one clear error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from proxy import headers
from proxy.chat import Usage
from proxy.dialects.assemble import assemble, events_of, named
from proxy.dialects.fitting import Renaming, asked, renamed
from proxy.errors import ClientError
from proxy.routing.seam import Echo, Seam
from proxy.tokens import estimated
from proxy.upstream.continuation import JoiningEncoder, Said
from proxy.upstream.follow import Owner, Patience
from proxy.upstream.gather import Gather
from proxy.upstream.relay import Relay
from proxy.upstream.straight import Straight
from proxy.upstream.translated import Translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.chat import Answer, Event
    from proxy.dialects.dialect import Dialect, Encoder
    from proxy.exchange import Exchange, Sink
    from proxy.packed import Stream
    from proxy.upstream.attempt import Attempt
    from proxy.upstream.engine import Engine, Step

END_MARKS = {"openai": b"data: [DONE]\n\n", "completions": b"data: [DONE]\n\n"}
COMMENT = b": keep-alive\n\n"


class Delivery:
    """One exchange's way out. Knows the client's dialect; keeps what the cache may store."""

    __slots__ = ("_dialect", "_earlier", "_engine", "_exchange", "_joint", "_known", "_least_per_s",
                 "_sink", "follower", "opened")  # fmt: skip

    def __init__(
        self,
        exchange: Exchange,
        sink: Sink,
        dialect: Dialect,
        engine: Engine,
        *,
        least_per_s: float | None = None,
    ) -> None:
        self._exchange = exchange
        self._sink = sink
        self._dialect = dialect
        self._engine = engine
        self._least_per_s = least_per_s
        self.follower: Relay | Gather | None = None
        self._earlier = b""  # what targets sent whose streams broke
        self._joint: JoiningEncoder | None = None
        self._known: Mapping[str, str] = {}  # names of tools, for a whole answer
        self.opened = False  # the client has a status line: an error can only be an event now

    def follow(
        self, attempt: Attempt, step: Step, owner: Owner, gap_s: float, *, strip_usage: bool
    ) -> None:
        """Let the winner's tokens flow, beginning with the frames held back so far.

        gap_s: seconds of silence after which the stream counts as stalled.
        """
        decoder = attempt.decoder
        assert decoder is not None
        patience = self._patience(gap_s)
        frames, tail = attempt.frames, attempt.tail
        attempt.frames, attempt.tail = [], b""
        if not self._exchange.stream:
            self._known = self._names(attempt)
            gather = Gather(owner, decoder, patience)
            attempt.relay = self.follower = gather
            gather.begin(frames, tail)
            gather.begun()
            return
        relay: Relay
        if attempt.passes:
            relay = Straight(
                owner,
                self._sink,
                decoder,
                patience,
                plain=self._dialect.plain,
                end_mark=END_MARKS.get(self._dialect.name, b""),
                strip_usage=strip_usage,
            )
        else:
            encoder = self._encoder(step, attempt)
            relay = Translated(owner, self._sink, decoder, patience, encoder, self._counts)
        attempt.relay = self.follower = relay
        first = relay.begin(frames, tail)
        self._open(first)
        relay.begun()
        if tail and attempt.passes and not relay.ended:
            relay.feed(b"")  # it has the tail: whole events, where much came at once

    def _patience(self, gap_s: float) -> Patience:
        engine = self._engine
        many = _choices(self._exchange)
        return Patience(gap_s, self._least_per_s, engine.wheel, engine.now, many)

    def spent(self) -> Usage | None:
        """What the answer has used so far: as the provider told, else counted from its text."""
        follower = self.follower
        if follower is None:
            return None
        usage = follower.usage or self.count(assemble(self._events()))
        joint = self._joint
        return usage if joint is None or usage is None else joint.total(usage)

    def _counts(self) -> Usage | None:
        """What the stream used, where its client is told and its provider does not say."""
        told = self._exchange.wants_usage or self._dialect.name not in END_MARKS
        return self.count(assemble(self._events())) if told else None

    @property
    def heard(self) -> bool:
        """Whether the client has anything of what the present target says."""
        return self._joint is None or self._joint.heard

    def count_whole(self, body: bytes) -> Usage | None:
        """What a whole answer used whose provider counted nothing."""
        return self.count(self._dialect.read_answer(orjson.loads(body)))

    def count(self, answer: Answer) -> Usage | None:
        """About what an answer used; None where its request is none that we understand."""
        exchange = self._exchange
        try:
            asked = self._dialect.parse(exchange.body)
        except ClientError:
            return None  # the provider understood it, we do not
        return estimated(asked, answer, exchange.provider_model)

    def spoken(self) -> list[Event]:
        """What the client has of the answer, as events; of a whole one, what there is of it."""
        return self._events(self._earlier)

    def _events(self, earlier: bytes = b"") -> list[Event]:
        follower = self.follower
        if isinstance(follower, Gather):
            return follower.events
        decoder = self._dialect.decoder()
        sent = earlier + (follower.text if follower is not None else b"")
        return [event for frame in decoder.feed(sent) for event in frame.events]

    def redirect(self, sink: Sink) -> None:
        """From now on the tokens of the open stream go there; its end is told as before."""
        if isinstance(self.follower, Relay):
            self.follower.send_to(sink)

    def sent(self) -> bytes | None:
        """The open stream as the client has it, but for comments; None where it is not kept."""
        follower = self.follower
        if not isinstance(follower, Relay):
            return COMMENT
        return (follower.text or COMMENT) if follower.keeps else None

    def resume(
        self,
        attempt: Attempt,
        step: Step,
        owner: Owner,
        before: Said,
        gap_s: float,
        *,
        repeats: bool,
    ) -> None:
        """Let another target's tokens go on with the stream that the client already reads.

        repeats: it says from its beginning what the client has.
        """
        decoder = attempt.decoder
        assert decoder is not None
        engine = self._engine
        frames, tail = attempt.frames, attempt.tail
        attempt.frames, attempt.tail = [], b""
        inner: Encoder = self._dialect.encoder(
            id=before.opened.id or self._exchange.id,
            model=before.opened.model or step.model,
            created=before.opened.created or int(engine.wall()),
            include_usage=self._exchange.wants_usage,
        )
        if isinstance(self.follower, Relay):
            self._earlier += self.follower.text
        inner.resume(self._earlier)
        spent = self._exchange.usage or Usage(completion=before.tokens)
        seam = Echo(before.text) if repeats else Seam(before.text)
        self._joint = joint = JoiningEncoder(inner, seam, spent)
        relay = Translated(owner, self._sink, decoder, self._patience(gap_s), joint, self._counts)
        attempt.relay = self.follower = relay
        first = relay.begin(frames, b"")
        if first:
            self._sink.write(first)
        if tail:
            relay.feed(tail)
        relay.begun()

    def complete(self, *, keep: bool) -> Stream:
        """End the answer. Returns it as sent where keep asks for it; empty when it is too large."""
        follower = self.follower
        exchange = self._exchange
        assert follower is not None
        exchange.finish = follower.finish or "stop"
        exchange.usage = self.spent()
        if isinstance(follower, Relay):
            self._sink.end(follower.rest)
            return follower.packed if keep else b""
        answer = renamed(assemble(follower.events), self._known)
        if answer.usage is None:
            answer = replace(answer, usage=exchange.usage)
        model = exchange.provider_model
        created = int(self._engine.wall())
        body = self._dialect.write_answer(named(answer, exchange.id, model, created))
        self._whole(body)
        return body

    def whole(self, body: bytes, step: Step) -> None:
        """A provider's whole answer, told as a stream."""
        exchange = self._exchange
        said = self._dialect.read_answer(orjson.loads(body))
        if said.usage is None:
            said = replace(said, usage=exchange.usage)
        encoder = self._dialect.encoder(
            id=said.id or exchange.id,
            model=said.model or step.model,
            created=said.created or int(self._engine.wall()),
            include_usage=exchange.wants_usage,
        )
        self._open(encoder.encode(events_of(said)) + encoder.end())
        self._sink.end()

    def fail(self, error: ClientError) -> None:
        """Tell the client: a status where that is still possible, else an error event."""
        exchange = self._exchange
        exchange.error = error
        if self.opened:
            encoder = self._dialect.encoder(
                id=exchange.id, model=exchange.model, created=0, include_usage=False
            )
            self._sink.write(encoder.fail(error))
            self._sink.end()
            exchange.outcome = "broken"
            return
        exchange.status = error.status
        exchange.outcome = "error"
        head = headers.JSON + headers.about(exchange) + headers.lines(error.headers)
        self._sink.whole(error.status, head, self._dialect.write_error(error))

    def _encoder(self, step: Step, attempt: Attempt) -> Encoder:
        encoder = self._dialect.encoder(
            id=self._exchange.id,
            model=step.model,
            created=int(self._engine.wall()),
            include_usage=self._exchange.wants_usage,
        )
        names = self._names(attempt)
        return Renaming(encoder, names) if names else encoder

    def _names(self, attempt: Attempt) -> Mapping[str, str]:
        """The client's names of tools that its provider was told others for."""
        return {} if attempt.passes else asked(self._exchange.body, attempt.dialect.name)

    def comment(self) -> None:
        """A sign of life, in a stream that has nothing to say yet."""
        if self.opened:
            self._sink.write(COMMENT)
        else:
            self._open(COMMENT)

    def _open(self, first: bytes) -> None:
        if self.opened:  # by a comment
            if first:
                self._sink.write(first)
            return
        self.opened = True
        exchange = self._exchange
        exchange.status = 200
        # An encoder may have no words for a first token: the head alone would end the chunks.
        self._sink.open(200, headers.STREAM + headers.about(exchange), first or COMMENT)

    def _whole(self, body: bytes) -> None:
        exchange = self._exchange
        exchange.status = 200
        self._sink.whole(200, headers.JSON + headers.about(exchange), body)


def _choices(exchange: Exchange) -> int:
    """How many answers in one are asked for: n, for each of a completion's prompts."""
    body = exchange.body
    n, prompt = body.get("n"), body.get("prompt")
    many = n if type(n) is int and n > 1 and "n" not in exchange.dropped else 1
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
        many *= len(prompt)  # texts, or lists of tokens
    return many
