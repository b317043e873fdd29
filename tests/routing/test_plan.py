"""What a model's name means, and in which order its targets are tried."""

from __future__ import annotations

import random

import pytest

from proxy.errors import ClientError, Kind
from proxy.routing.plan import Names, Planner, Rule, Target, match, target_of
from proxy.state.breaker import Breakers
from proxy.state.latency import Latency

A, B = Target("a", "one"), Target("b", "two")


def planner(doors=None, speeds=None, rand=None, **names) -> Planner:
    known = {"gpt-9": "a/gpt-9", "a/x/y": "a/x/y"}
    names = {
        "rules": [
            Rule("chat", (A, B)),
            Rule("gpt-*", (Target("a", "gpt-*"), B)),
            Rule("gpt-9-*", (B,)),
            Rule("mixed", (Target("a", "one", 3.0), Target("b", "two", 1.0)), "weighted"),
            Rule("quick", (A, B), "fastest"),
        ],
        "resolve": known.get,
        "close": lambda name: [],
        "categories": {"code": (B,)},
        "default": (A,),
        **names,
    }
    rand = rand or random.Random(1).random
    return Planner(Names(**names), doors or Breakers(), speeds or Latency(), rand)


@pytest.mark.parametrize(
    ("model", "targets"),
    [
        ("chat", ["a/one", "b/two"]),
        ("gpt-4o", ["a/gpt-4o", "b/two"]),
        ("gpt-9-mini", ["b/two"]),
        ("a/x/y", ["a/x/y"]),
    ],
    ids=["exact", "pattern", "closest pattern", "provider/model"],
)
def test_names(model: str, targets: list[str]) -> None:
    plans = planner()
    plan = plans.plan(plans.rule(model), "conversation", 100, 0.0)
    assert [target.name for target in plan.targets] == targets


def test_auto_follows_the_category_and_else_the_default() -> None:
    plans = planner()
    rule = plans.rule("auto")
    assert plans.plan(rule, "code", 10, 0.0).targets == (B,)
    assert plans.plan(rule, "creative", 10, 0.0).targets == (A,)
    assert plans.plan(rule, "code", 10, 0.0).why == "category code"


def test_an_unknown_name_is_a_404_that_helps() -> None:
    with pytest.raises(ClientError) as refused:
        planner().rule("chta")
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")
    assert "chat" in refused.value.message


def test_a_route_that_is_not_the_callers() -> None:
    with pytest.raises(ClientError) as refused:
        planner().rule("chat", frozenset({"other"}))
    assert refused.value.status == 403


def test_a_closed_breaker_is_passed_by_and_said() -> None:
    doors = Breakers(failures=1)
    doors.failed("a/one", Kind.SERVER, 0.0)
    plans = planner(doors)
    plan = plans.plan(plans.rule("chat"), "", 10, 1.0)
    assert plan.targets == (B,)
    assert plan.skipped == (("a/one", "breaker open"),)


def test_with_every_breaker_open_all_are_tried_all_the_same() -> None:
    doors = Breakers(failures=1)
    for target in (A, B):
        doors.failed(target.name, Kind.SERVER, 0.0)
    plans = planner(doors)
    assert plans.plan(plans.rule("chat"), "", 10, 1.0).targets == (A, B)


def test_weights_are_shares() -> None:
    plans = planner(rand=random.Random(7).random)
    rule = plans.rule("mixed")
    first = [plans.plan(rule, "", 10, 0.0).targets[0].provider for _ in range(4000)]
    assert 0.72 < first.count("a") / 4000 < 0.78


def test_the_fastest_goes_first() -> None:
    speeds = Latency()
    for _ in range(30):
        speeds.observe("a/one", 10, 2.0, 0.0)
        speeds.observe("b/two", 10, 0.3, 0.0)
    plans = planner(speeds=speeds)
    assert plans.plan(plans.rule("quick"), "", 10, 0.0).targets == (B, A)


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [("*", "x", "x"), ("a-*", "a-", ""), ("a-*-z", "a-b-z", "b"), ("a-*", "b-a", None),
     ("aa*aa", "aaa", None)],
)  # fmt: skip
def test_the_one_star(pattern: str, name: str, found: str | None) -> None:
    assert match(pattern, name) == found


def test_a_model_may_hold_slashes() -> None:
    assert target_of("openrouter/meta/llama") == Target("openrouter", "meta/llama")
