"""What is asked: prompts from a file, of a wished length, or from a small varied set."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

MAX_PROMPTS = 10_000
CHARS_PER_TOKEN = 4  # of English text, as tokenizers count it; lengths here are estimates


@dataclass(frozen=True, slots=True)
class Prompt:
    """One conversation to send; output_tokens bounds its answer (None: the server's default)."""

    text: str
    output_tokens: int | None = None
    system: str = ""
    history: tuple[tuple[str, str], ...] = ()  # earlier turns: (role, text)


_SUBJECTS = (
    "a streaming proxy",
    "the water cycle",
    "binary search",
    "a small bakery",
    "photosynthesis",
    "the French Revolution",
    "a bicycle gear",
    "compound interest",
    "tides",
    "a chess opening",
)
_TASKS = (
    "Explain {} to a ten year old.",
    "Write a short poem about {}.",
    "List five surprising facts about {}.",
    "Summarize what matters about {} in three sentences.",
    "Translate into French: everyone should know something about {}.",
    "What are the common mistakes people make with {}?",
    "Compare {} with its best known alternative.",
    "Write a Python function that models {}.",
)
_MORE_SUBJECTS = (
    "vaccines", "a steam engine", "honey bees", "the stock exchange", "glaciers", "a violin",
    "the printing press", "sourdough", "coral reefs", "a suspension bridge", "migratory birds",
    "insurance", "lighthouses", "the immune system", "a wind turbine", "Roman roads", "chocolate",
    "earthquakes", "a public library", "encryption", "the Silk Road", "volcanoes", "a telescope",
    "fermentation", "parliaments", "a sailing boat", "black holes", "the alphabet", "batteries",
    "a coral snake",
)  # fmt: skip
_MORE_TASKS = (
    "Who invented {}?", "What does {} cost today?", "Draft an email asking for advice on {}.",
    "Give me a lesson plan about {}.", "Is there a future for {}?", "Tell me a joke about {}.",
    "Which book on {} should I read first?", "Design an experiment about {}.",
    "How did people manage before {}?", "Name the parts of {}.", "Classify the kinds of {}.",
    "Argue against {}.", "Write a headline about {}.", "What is the physics of {}?",
    "Plan a weekend around {}.", "What can go wrong with {}?", "How is {} taught in Japan?",
)  # fmt: skip
_PLACES = ("", " in a hospital", " during a storm", " for a town council")
_WORDS = (
    "time",
    "river",
    "model",
    "stone",
    "letter",
    "answer",
    "market",
    "window",
    "system",
    "garden",
    "paper",
    "signal",
    "winter",
    "bridge",
    "number",
    "forest",
    "engine",
    "island",
    "metal",
    "music",
    "village",
    "energy",
    "harbor",
    "silver",
    "mirror",
    "ocean",
    "planet",
)


def varied() -> list[Prompt]:
    """The built-in set: eight kinds of task on ten subjects."""
    return [Prompt(task.format(subject)) for task in _TASKS for subject in _SUBJECTS]


def many() -> list[Prompt]:
    """Four thousand different questions, no two alike: those that resemble each other most, by
    task and subject, are a thousand apart."""
    return [
        Prompt(task.format(subject + place))
        for place in _PLACES
        for subject in (*_SUBJECTS, *_MORE_SUBJECTS)
        for task in (*_TASKS, *_MORE_TASKS)
    ]


def sized(
    count: int, input_tokens: int, spread: float, output: int | None, seed: int
) -> list[Prompt]:
    """Random words of about so many tokens; spread 0.2 varies the length by 20 % each way."""
    random = Random(seed)
    prompts = []
    for _ in range(min(count, MAX_PROMPTS)):
        tokens = input_tokens * random.uniform(1 - spread, 1 + spread)
        words: list[str] = []
        size = 0
        while size < tokens * CHARS_PER_TOKEN:
            words.append(random.choice(_WORDS))
            size += len(words[-1]) + 1
        prompts.append(Prompt(" ".join(words), output))
    return prompts


def lengths(text: str) -> tuple[int, int | None] | None:
    """What guidellm calls synthetic data, "prompt_tokens=256,output_tokens=128": the two lengths.
    None for anything else, such as a file's name."""
    pairs = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        numbers = {name: int(value) for name, value in pairs.items()}
    except ValueError:
        return None
    if "prompt_tokens" not in numbers:
        return None
    return numbers["prompt_tokens"], numbers.get("output_tokens")


def read(path: Path, output: int | None = None) -> list[Prompt]:
    """Prompts of a file: ShareGPT JSON, JSONL with `prompt`, `text`, `messages` or `question`,
    or plain text with one prompt a line. Raises ValueError when it holds none, or names the line
    that is broken JSON."""
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    rows: Sequence[Any]
    try:
        value = orjson.loads(data)
        rows = value if isinstance(value, list) else [value]
    except orjson.JSONDecodeError:
        lines = enumerate(data.splitlines(), 1)
        rows = [_line(line, f"{path}:{number}") for number, line in lines if line.strip()]
    prompts = [one for row in rows[:MAX_PROMPTS] if (one := _prompt(row, output)) is not None]
    if not prompts:
        raise ValueError(f"{path} holds no prompts")
    return prompts


def _line(line: bytes, place: str) -> Any:
    if line.lstrip()[:1] in (b"{", b"["):
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"{place}: {error}") from error
    return line.decode("utf-8", "replace")


def _prompt(row: Any, output: int | None) -> Prompt | None:
    if isinstance(row, str):
        return Prompt(row, output)
    if not isinstance(row, dict):
        return None
    wished = row.get("output_tokens") or row.get("max_tokens") or output
    turns = row.get("conversations") or row.get("conversation")
    if isinstance(turns, list):
        return _from_turns(turns, output)
    if isinstance(row.get("messages"), list):
        system = "".join(_said(m) for m in row["messages"] if _is_system(m))
        turns = [(str(m.get("role")), _said(m)) for m in row["messages"] if isinstance(m, dict)]
        return _conversation([turn for turn in turns if turn[0] != "system"], wished, system)
    for name in ("prompt", "text", "question", "text_input", "instruction"):
        if isinstance(row.get(name), str):
            return Prompt(row[name], wished)
    return None


def _from_turns(turns: list[Any], output: int | None) -> Prompt | None:
    """ShareGPT: the first human turn is asked; the answer's length is the wished one."""
    texts = [(t.get("from"), t.get("value")) for t in turns if isinstance(t, dict)]
    asked = next((i for i, (who, _) in enumerate(texts) if who in ("human", "user")), None)
    if asked is None or not isinstance(texts[asked][1], str):
        return None
    if output is None and asked + 1 < len(texts) and isinstance(texts[asked + 1][1], str):
        output = max(1, len(str(texts[asked + 1][1])) // CHARS_PER_TOKEN)
    return Prompt(str(texts[asked][1]), output)


def _is_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "system"


def _conversation(turns: list[tuple[str, str]], output: int | None, system: str) -> Prompt | None:
    """The turns up to the last question. Tool calls and their results are left out: their ids
    mean nothing to another server."""
    last = max((n for n, (role, _) in enumerate(turns) if role == "user"), default=None)
    if last is None:
        return None
    history = [turn for turn in turns[:last] if turn[0] in ("user", "assistant") and turn[1]]
    return Prompt(turns[last][1], output, system, tuple(history))


def _said(message: Any) -> str:
    content = message.get("content")
    if isinstance(content, list):
        parts = [p.get("text", "") for p in content if isinstance(p, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
