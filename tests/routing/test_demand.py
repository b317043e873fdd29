"""What a request needs, in every dialect's words."""

from __future__ import annotations

import pytest

from proxy.models import Model
from proxy.routing.demand import (
    Demand,
    demand_of,
    is_plain,
    lacking,
    lacking_somewhere,
    wants_reasoning,
)

IMAGE = {"type": "image_url", "image_url": {"url": "x" * 4000}}


@pytest.mark.parametrize(
    ("body", "demand"),
    [
        ({"messages": [{"role": "user", "content": "hi"}]}, Demand(prompt=1000)),
        ({"messages": [{"content": [IMAGE]}]}, Demand(frozenset({"vision"}), 0)),
        ({"messages": [{"content": [{"type": "image", "source": {"data": "x" * 2000}}]}]},
         Demand(frozenset({"vision"}), 498)),
        ({"input": [{"content": [{"type": "input_file", "file_data": "x" * 2000}]}]},
         Demand(frozenset({"files"}), 497)),
        ({"messages": [{"content": [{"type": "input_audio", "input_audio": {"data": "xx"}}]}]},
         Demand(frozenset({"audio"}), 997)),
        ({"messages": [], "tools": [{}], "max_tokens": 7}, Demand(frozenset({"tools"}), 1000, 7)),
        ({"messages": [], "functions": [{}]}, Demand(frozenset({"tools"}), 1000)),
        ({"input": "hi", "text": {"format": {"type": "json_schema"}}, "max_output_tokens": 9},
         Demand(frozenset({"json_schema"}), 1000, 9)),
        ({"messages": [3, {"content": [5, {"type": 7}, {"type": "text", "text": "a"}]}],
          "max_tokens": "many"}, Demand(prompt=1000)),
    ],
    ids=["plain", "image", "anthropic image", "responses file", "audio", "tools", "functions",
         "responses schema", "rubbish"],
)  # fmt: skip
def test_demands(body, demand: Demand) -> None:
    assert demand_of(body, 4000).needs == demand.needs
    assert demand_of(body, 4000).output == demand.output
    assert demand_of(body, 4000).prompt == pytest.approx(demand.prompt, abs=6)


EVERYTHING = frozenset({"tools", "vision", "json_schema", "files", "audio"})


@pytest.mark.parametrize(
    ("body", "lacks", "plain"),
    [
        ({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant"}]}, None, True),
        ({"messages": [{"content": [IMAGE]}]}, None, False),
        ({"messages": [{"content": [IMAGE]}]}, {"tools"}, True),
        ({"messages": [], "tools": []}, None, True),
        ({"messages": [], "tools": [{}]}, None, False),
        ({"messages": [], "tools": [{}]}, {"vision"}, True),
        ({"messages": [], "response_format": {"type": "text"}}, None, False),
        ({"messages": [], "max_tokens": 100}, None, True),
        ({"messages": [], "max_tokens": 101}, None, False),
        ({"messages": [], "max_output_tokens": "many"}, set(), False),
        ({"messages": [7]}, None, True),
        ({"input": "hi"}, None, True),
        ({"input": [{"content": "hi"}]}, None, False),
        ({"prompt": "hi"}, None, True),
    ],
)
def test_the_quick_look_misses_nothing_that_makes_a_difference(
    body, lacks: set[str] | None, plain: bool
) -> None:
    lacking_here = EVERYTHING if lacks is None else frozenset(lacks)
    assert is_plain(body, lacking_here, 100) is plain
    assert not (plain and demand_of(body, 100).needs & lacking_here)


def test_what_some_model_lacks() -> None:
    models = [
        Model("p/a", capabilities=frozenset({"tools", "vision", "files", "audio", "json_schema"})),
        Model("p/b", capabilities=frozenset({"tools", "reasoning", "files", "json_schema"})),
        Model("p/c"),
    ]
    assert lacking_somewhere(models) == {"vision", "audio", "reasoning"}


def test_nobodys_word_is_no_reason() -> None:
    assert lacking(Demand(frozenset({"vision"}), 10**6, 10**6), Model("p/m")) is None


def test_a_window_is_not_taken_to_the_letter() -> None:
    model = Model("p/m", 1000)
    assert lacking(Demand(prompt=1100), model) is None
    assert lacking(Demand(prompt=1300), model) is not None


@pytest.mark.parametrize(
    ("body", "thinks"),
    [
        ({}, False),
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "minimal"}, False),
        ({"reasoning": {"effort": "low"}}, True),
        ({"reasoning": {"summary": "auto"}}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"reasoning": "yes"}, False),
    ],
)
def test_thinking(body, thinks: bool) -> None:
    assert wants_reasoning(body) is thinks
