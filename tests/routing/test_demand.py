"""What a request needs, in every dialect's words."""

from __future__ import annotations

import pytest

from proxy.models import Model
from proxy.routing.demand import Demand, demand_of, is_plain, lacking, wants_reasoning

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


@pytest.mark.parametrize(
    ("body", "plain"),
    [
        ({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant"}]}, True),
        ({"messages": [{"content": [IMAGE]}]}, False),
        ({"messages": [], "tools": []}, False),
        ({"messages": [], "max_tokens": 5}, False),
        ({"messages": [7]}, True),
        ({"input": "hi"}, True),
        ({"input": [{"content": "hi"}]}, False),
        ({"prompt": "hi"}, True),
    ],
)
def test_the_quick_look_is_never_wrong_about_something_special(body, plain: bool) -> None:
    assert is_plain(body) is plain
    assert not (plain and demand_of(body, 100).needs)


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
