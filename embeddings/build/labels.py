"""Labelled rows of others that may be trained on: CLINC150 (CC BY 3.0), MMLU and GSM8K (MIT).

They come as the files `intents_dev.jsonl` and `routing_dev.jsonl` (RouteLLM's graded answers,
Apache-2.0). Rows that stand in `usecase_dev.jsonl` are left out, so that file stays a test.
"""
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

# Intents of CLINC150 that a person would send to one of our categories without a doubt.
INTENTS: dict[str, str] = {
    "conversation": "greeting goodbye thank_you how_old_are_you what_is_your_name are_you_a_bot tell_joke "
    "who_made_you what_are_your_hobbies do_you_have_pets where_are_you_from meaning_of_life fun_fact "
    "yes no maybe what_can_i_ask_you who_do_you_work_for flip_coin roll_dice user_name",
    "web_search": "weather traffic exchange_rate flight_status restaurant_suggestion restaurant_reviews "
    "next_holiday directions book_flight book_hotel travel_alert how_busy travel_suggestion",
    "translation": "translate",
    "qa": "definition spelling recipe ingredients_list calories nutrition_info food_last cook_time tire_change "
    "jump_start oil_change_how ingredient_substitution international_visa vaccines plug_type taxes timezone",
    "reasoning": "calculator measurement_conversion",
}


@dataclass(frozen=True, slots=True)
class Routed:
    """A question with the grades of a weak and a strong model."""

    prompt: str
    weak_ok: bool
    strong_ok: bool
    maths: bool  # GSM8K, else MMLU


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file; none where there is no file."""
    if not path.exists():
        return []
    return [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]


def read_intents(folder: Path) -> list[tuple[str, str]]:
    """(text, intent) of CLINC150's training rows."""
    rows = read_rows(folder / "intents_dev.jsonl")
    return [(row["text"], row["label"]) for row in rows if row["split"] == "train"]


def read_routed(folder: Path) -> list[Routed]:
    """The graded questions."""
    return [
        Routed(row["prompt"], bool(row["weak_ok"]), bool(row["strong_ok"]), row["set"] == "gsm8k")
        for row in read_rows(folder / "routing_dev.jsonl")
    ]


def read_labelled(folder: Path, most_of_each: int = 350) -> list[tuple[str, str]]:
    """(text, category) from the sets above, without the rows of usecase_dev.jsonl."""
    tested = {row["prompt"].strip() for row in read_rows(folder / "usecase_dev.jsonl")}
    category_of = {name: key for key, names in INTENTS.items() for name in names.split()}
    found = [(text, category_of[i]) for text, i in read_intents(folder) if i in category_of]
    routed = read_routed(folder)
    found += [(row.prompt, "reasoning") for row in routed if row.maths][:most_of_each]
    found += [(row.prompt, "qa") for row in routed if not row.maths][:most_of_each]
    return [(text, category) for text, category in found if text.strip() not in tested]
