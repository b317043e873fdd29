"""Estimates of token counts: near enough, never negative, never slow."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chat import (
    Answer,
    CallPart,
    ChatRequest,
    Choice,
    ImagePart,
    Message,
    TextPart,
    Tool,
    Usage,
)
from proxy.dialects.assemble import assemble
from proxy.dialects.registry import dialect
from proxy.tokens import count_prompt, count_text, estimated
from tests.dialects.recorded import WIRE, recorded

KINDS = {"chat": "openai", "messages": "anthropic", "responses": "responses"}
HIDDEN = ("server_tool_use", "_call", "citations", "search_results")  # counted, and not in the text


@given(st.text(), st.text())
def test_more_text_is_not_fewer_tokens(first: str, second: str) -> None:
    assert count_text("") == 0
    assert (count_text(first) > 0) is bool(first)
    assert count_text(f"{first}\n{second}") + 1 >= count_text(first)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The capital of France is Paris.", 6, 8),
        ("L'été dernier, nous avons mangé des crêpes à Besançon.", 13, 22),
        ("法国的首都是巴黎。", 6, 10),
        ("Столица Франции — Париж.", 6, 18),
        ('{"name": "Ada", "born": 1815}', 9, 15),
        ("def f(x):\n    return x + 1\n", 9, 15),
        ("1234567890", 3, 6),
    ],
)
def test_tokens_of_known_texts(text: str, least: int, most: int) -> None:
    assert least <= count_text(text) <= most


def test_a_long_text_is_estimated_from_a_part_of_it() -> None:
    text = "The quick brown fox jumps over 12 lazy dogs. "
    assert count_text(text * 20_000) == pytest.approx(
        count_text(text * 300) * 20_000 / 300, rel=0.01
    )


def asked(**fields) -> ChatRequest:
    return ChatRequest("m", (Message("user", (TextPart("hi there"),)),), **fields)


def test_a_prompt_is_more_than_its_words() -> None:
    plain = count_prompt(asked())
    assert plain == 3 + 4 + count_text("hi there")
    tool = Tool("f", "does things", {"type": "object", "properties": {"a": {"type": "string"}}})
    assert count_prompt(asked(tools=(tool,))) > plain + 15
    assert count_prompt(asked(tools=(tool,)), "claude-opus-5-5") > plain + 340
    assert count_prompt(asked(response_format={"type": "json_object"})) > plain
    seen = ChatRequest("m", (Message("user", (ImagePart("https://a.test/x"),)),))
    assert count_prompt(seen) > 500


def test_an_estimate_says_that_it_is_one() -> None:
    answer = Answer("a", "m", 0, (Choice("Paris.", "hm hm", "", (CallPart("t", "f", "{}"),)),))
    usage = estimated(asked(), answer)
    assert usage == Usage(
        prompt=count_prompt(asked()),
        completion=count_text("Paris.") + count_text("hm hm") + count_text("f {}"),
        reasoning=count_text("hm hm"),
        estimated=True,
    )


@pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
@pytest.mark.parametrize(("kinds", "error"), [(("chat", "responses"), 0.07), (("messages",), 0.1)])
def test_estimates_are_near_what_providers_counted(kinds, error: float) -> None:
    missed = total = 0
    for one in recorded(*kinds):
        body = one["response_body"]
        if one["provider"] in ("cohere", "ollama", "perplexity") or any(w in body for w in HIDDEN):
            continue
        spoken = dialect(KINDS[one["kind"]])
        if one["stream_format"] == "none":
            parsed = orjson.loads(body)
            if not (parsed.get("choices") or parsed.get("content") or parsed.get("output")):
                continue
            answer = spoken.read_answer(parsed)
        else:
            frames = spoken.decoder().feed(body.encode())
            answer = assemble(event for frame in frames for event in frame.events)
        choice, usage = answer.choices[0], answer.usage
        whole = len(answer.choices) == 1 and choice.finish == "stop" and not choice.reasoning
        if whole and usage and usage.completion > 15 and not usage.reasoning and choice.text:
            model = "claude" if "messages" in kinds else ""
            missed += abs(count_text(choice.text, model) - usage.completion)
            total += usage.completion
    assert total > 3000
    assert missed / total < error
