"""Writing the named events of OpenAI's Responses, and whole responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from proxy.chat import (
    REDACTED,
    Answer,
    Choice,
    Done,
    Event,
    Extra,
    Failed,
    Finished,
    FinishReason,
    Json,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.custom_tools import CUSTOM, custom_input
from proxy.dialects.dialect import Encoder
from proxy.dialects.responses_shapes import (
    call_item,
    citation,
    end_of,
    hidden_items,
    message_item,
    odds_of,
    reasoning_item,
    response_json,
    text_part,
    usage_json,
)
from proxy.dialects.serial import Serial
from proxy.dialects.sse import Splitter, payload
from proxy.errors import ClientError

# kind of item -> event of its deltas, and the field that counts its parts
_DELTAS = {
    "message": ("response.output_text.delta", "content_index"),
    "reasoning": ("response.reasoning_summary_text.delta", "summary_index"),
    "function_call": ("response.function_call_arguments.delta", ""),
}
_SPOKEN: dict[type[Event], str] = {Text: "message", Reasoning: "reasoning"}
_CALLS = ("function_call", "custom_tool_call")
_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}


class ResponseEncoder(Encoder):
    """One response: items of reasoning, words and calls in a row. It has one choice."""

    __slots__ = (
        "_base", "_call", "_events", "_item", "_kind", "_notes", "_odds", "_opened", "_output",
        "_prefix", "_reason", "_serial", "_signature", "_text", "_usage",
    )  # fmt: skip

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:
        del include_usage  # a response always has its counts
        self._base = response_json(id, model, created)
        self._opened = False
        self._events = 0  # how many were written: their sequence numbers
        self._output: list[Json] = []  # items that are complete
        self._kind = ""  # of the open item
        self._item = ""  # its id
        self._prefix = b""  # of its deltas, up to the sequence number
        self._text: list[str] = []  # what is in it
        self._notes: list[Json] = []
        self._odds: list[Json] = []
        self._signature = ""
        self._call = ToolCall(-1)
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._serial = Serial()

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode. The end of the response waits for end."""
        out: list[bytes] = []
        for event in events:
            if type(event) is Text and self._kind == "message" and not event.choice:
                self._delta(event.text, out)
                continue
            if isinstance(event, Spent):
                self._usage = event.usage
                continue
            if isinstance(event, Done | Failed):
                continue
            if not self._opened:
                self._start(out)
            if isinstance(event, Text | Reasoning | ToolCall):
                if not event.choice:
                    for one in self._serial.feed(event):
                        self._piece(one, out)
            elif isinstance(event, Finished):
                if not event.choice:
                    self._reason = event.reason
            elif isinstance(event, Extra):
                self._cite(event, out)
        return out[0] if len(out) == 1 else b"".join(out)

    def speaker(self, event: Event) -> Callable[[bytes], bytes] | None:
        """See Encoder.speaker: every event has its number, and its words are told again."""
        return self._say if self._kind == _SPOKEN.get(type(event)) else None

    def _say(self, word: bytes) -> bytes:
        self._text.append(orjson.loads(b'"%b"' % word))
        self._events += 1
        return b'%b%d,"delta":"%b"}\n\n' % (self._prefix, self._events - 1, word)

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume. The stream goes on in its last item; where nothing tells which one
        that is, in a message without words."""
        self._opened = True
        if not sent:
            self._enter("message")
        for event in Splitter().feed(sent) if sent else ():
            told = orjson.loads(payload(event)[1] or b"{}")
            self._events = told.get("sequence_number", self._events - 1) + 1
            kind = told.get("type")
            if kind == "response.output_item.added":
                self._enter(told["item"]["type"], told["item"]["id"])
            elif kind == "response.output_item.done":
                self._output.append(told["item"])
                self._kind = ""
            elif isinstance(told.get("delta"), str):
                self._text.append(told["delta"])

    def end(self) -> bytes:
        """See Encoder.end."""
        out: list[bytes] = []
        if not self._opened:
            self._start(out)
        for one in self._serial.flush():
            self._piece(one, out)
        self._close(out)
        response = {**self._base, **end_of(self._reason), "output": self._output}
        if self._usage is not None:
            response["usage"] = usage_json(self._usage)
        self._tell(f"response.{response['status']}", {"response": response}, out)
        return b"".join(out)

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail. Told twice over: flat as the API tells it, and as an object, by which
        openai's clients know that they must raise it."""
        out: list[bytes] = []
        flat = {"code": error.code, "message": error.message, "param": error.param}
        self._tell("error", {**flat, "error": {**flat, "type": error.type}}, out)
        return out[0]

    def _start(self, out: list[bytes]) -> None:
        self._opened = True
        for kind in ("response.created", "response.in_progress"):
            self._tell(kind, {"response": self._base}, out)

    def _tell(self, kind: str, fields: Json, out: list[bytes]) -> None:
        told = {"type": kind, "sequence_number": self._events, **fields}
        self._events += 1
        out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(told)))

    def _delta(self, text: str, out: list[bytes]) -> None:
        self._text.append(text)
        out.append(b'%b%d,"delta":%b}\n\n' % (self._prefix, self._events, orjson.dumps(text)))
        self._events += 1

    def _piece(self, event: Event, out: list[bytes]) -> None:
        match event:
            case Text(text=text):
                if text:
                    self._open("message", out)
                    self._delta(text, out)
            case Reasoning(text=text, signature=signature):
                if text or signature:
                    self._open("reasoning", out)
                self._signature = signature or self._signature
                if text:
                    self._delta(text, out)
            case ToolCall(arguments=arguments):
                if event.index != self._call.index or self._kind not in _CALLS:
                    self._close(out)
                    self._call = event
                    self._open(_CALLS[event.name.startswith(CUSTOM)], out)
                if arguments and self._kind == "function_call":
                    self._delta(arguments, out)
                elif arguments:
                    self._text.append(arguments)  # its input is told when it is whole
            case _:
                pass

    def _enter(self, kind: str, item: str = "") -> None:
        place = len(self._output)
        self._kind = kind
        self._item = item or f"{_PREFIXES.get(kind, 'item')}_{self._base['id']}_{place}"
        self._text, self._notes, self._odds, self._signature = [], [], [], ""
        if kind not in _DELTAS:
            return
        event, part = _DELTAS[kind]
        fields: Json = {"type": event, "item_id": self._item, "output_index": place}
        if part:
            fields[part] = 0
        if kind == "message":
            fields["logprobs"] = []
        head = orjson.dumps(fields)[:-1]
        self._prefix = b'event: %b\ndata: %b,"sequence_number":' % (event.encode(), head)

    def _open(self, kind: str, out: list[bytes]) -> None:
        if self._kind == kind:
            return
        self._close(out)
        self._enter(kind)
        item = self._whole()
        if kind == "message":
            item["content"] = []
        elif kind == "reasoning":
            item["summary"] = []
        item["status"] = "in_progress"
        place = len(self._output)
        self._tell("response.output_item.added", {"output_index": place, "item": item}, out)
        if kind == "message":
            part = {"content_index": 0, "part": text_part("", [], [])}
            self._tell("response.content_part.added", {**self._where(), **part}, out)
        elif kind == "reasoning":
            part = {"summary_index": 0, "part": {"type": "summary_text", "text": ""}}
            self._tell("response.reasoning_summary_part.added", {**self._where(), **part}, out)

    def _close(self, out: list[bytes]) -> None:
        if not self._kind:
            return
        text, where = "".join(self._text), self._where()
        if self._kind == "message":
            where["content_index"] = 0
            self._tell(
                "response.output_text.done", {**where, "text": text, "logprobs": self._odds}, out
            )
            part = text_part(text, self._notes, self._odds)
            self._tell("response.content_part.done", {**where, "part": part}, out)
        elif self._kind == "reasoning":
            where["summary_index"] = 0
            self._tell("response.reasoning_summary_text.done", {**where, "text": text}, out)
            part = {"type": "summary_text", "text": text}
            self._tell("response.reasoning_summary_part.done", {**where, "part": part}, out)
        elif self._kind == "function_call":
            done = {**where, "arguments": text, "name": self._call.name}
            self._tell("response.function_call_arguments.done", done, out)
        elif self._kind == "custom_tool_call":
            given = custom_input(text)
            self._tell("response.custom_tool_call_input.delta", {**where, "delta": given}, out)
            self._tell("response.custom_tool_call_input.done", {**where, "input": given}, out)
        item = self._whole()
        place = len(self._output)
        self._tell("response.output_item.done", {"output_index": place, "item": item}, out)
        self._output.append(item)
        self._kind = ""

    def _where(self) -> Json:
        return {"item_id": self._item, "output_index": len(self._output)}

    def _whole(self) -> Json:
        """The open item with all that is in it."""
        text = "".join(self._text)
        if self._kind == "message":
            return message_item(self._item, text, self._notes, self._odds)
        if self._kind == "reasoning":
            return reasoning_item(self._item, text, self._signature)
        call_id = self._call.id or f"call_{self._item}"
        return call_item(self._item, call_id, self._call.name, text)

    def _hide(self, thoughts: list[str], out: list[bytes]) -> None:
        self._close(out)
        for item in hidden_items(f"rs_{self._base['id']}_{len(self._output)}", thoughts):
            place = {"output_index": len(self._output)}
            self._tell("response.output_item.added", {**place, "item": item}, out)
            self._tell("response.output_item.done", {**place, "item": item}, out)
            self._output.append(item)

    def _cite(self, event: Extra, out: list[bytes]) -> None:
        if event.field == REDACTED and not event.choice:
            self._hide(event.value, out)
        if event.field == "logprobs" and not event.choice:
            self._odds.extend(odds_of(event.value))
        if event.field != "annotations" or self._kind != "message":
            return
        for note in event.value:
            told = citation(note)
            if told is not None:
                which = {"content_index": 0, "annotation_index": len(self._notes)}
                self._notes.append(told)
                fields = {**self._where(), **which, "annotation": told}
                self._tell("response.output_text.annotation.added", fields, out)


def write_response(answer: Answer) -> bytes:
    """See Dialect.write_answer."""
    choice = answer.choices[0] if answer.choices else Choice()
    response = response_json(answer.id, answer.model, answer.created)
    response.update(end_of(choice.finish))
    output: list[Json] = []
    if choice.reasoning or choice.reasoning_signature:
        thought = reasoning_item(f"rs_{answer.id}", choice.reasoning, choice.reasoning_signature)
        output.append(thought)
    output.extend(hidden_items(f"rs_{answer.id}", (choice.extra or {}).get(REDACTED) or []))
    text = choice.text or choice.refusal
    if text or not choice.calls:
        extra = choice.extra or {}
        notes = extra.get("annotations") or ()
        cited = [told for note in notes if (told := citation(note)) is not None]
        odds = odds_of(extra.get("logprobs"))
        output.append(message_item(f"msg_{answer.id}", text, cited, odds))
    for index, call in enumerate(choice.calls):
        call_id = call.id or f"call_{answer.id}_{index}"
        item = call_item(f"fc_{answer.id}_{index}", call_id, call.name, call.arguments)
        output.append(item)
    response["output"] = output
    if answer.usage is not None:
        response["usage"] = usage_json(answer.usage)
    return orjson.dumps(response)
