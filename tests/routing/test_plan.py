"""What a model's name means, and in which order its targets are tried."""

from __future__ import annotations

import random

import pytest

from proxy.errors import ClientError, Kind
from proxy.models import Model
from proxy.routing.plan import (
    Known,
    Names,
    Planner,
    Rule,
    Target,
    match,
    target_of,
    turned_away,
)
from proxy.state.breaker import Breakers
from proxy.state.latency import Latency
from proxy.state.limits import Limits, Quota

A, B = Target("a", "one"), Target("b", "two")


def planner(
    doors=None, speeds=None, rand=None, known: Known | None = None, gates=None, **names
) -> Planner:
    ids = {"gpt-9": "a/gpt-9", "a/x/y": "a/x/y"}
    names = {
        "rules": [
            Rule("chat", (A, B)),
            Rule("gpt-*", (Target("a", "gpt-*"), B)),
            Rule("gpt-9-*", (B,)),
            Rule("mixed", (Target("a", "one", 3.0), Target("b", "two", 1.0)), "weighted"),
            Rule("quick", (A, B), "fastest"),
            Rule("cheap", (A, B), "cheapest"),
            Rule("split", (A, B), "weighted", sticky="user"),
            Rule("kept", (A, B), "weighted", sticky="key"),
        ],
        "resolve": ids.get,
        "close": lambda name: [],
        "categories": {"code": (B,)},
        "default": (A,),
        **names,
    }
    rand = rand or random.Random(1).random
    return Planner(Names(**names), doors or Breakers(), speeds or Latency(), rand, known, gates)


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


# ---- what a model can do ---------------------------------------------------------------------

MODELS = {
    "a/one": Model("a/one", 8000, 1000, frozenset(("tools",))),
    "b/two": Model("b/two", 128_000, 4000, frozenset(("tools", "vision", "json_schema"))),
    "c/three": Model("c/three"),
}
C = Target("c", "three")
PLAIN = {"messages": [{"role": "user", "content": "hello"}]}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}


def able(**names) -> Planner:
    rules = [Rule("chat", (A, B, C)), Rule("one", (A,))]
    return planner(known=Known(describe=MODELS.__getitem__), rules=rules, **names)


@pytest.mark.parametrize(
    ("body", "prompt_bytes", "targets", "why"),
    [
        (PLAIN, 100, (A, B, C), None),
        ({**PLAIN, "tools": [{}]}, 100, (A, B, C), None),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, 91_000, (B, C), "no images"),
        ({**PLAIN, "response_format": {"type": "json_schema"}}, 100, (B, C), "no JSON schema"),
        ({**PLAIN, "response_format": {"type": "json_object"}}, 100, (A, B, C), None),
        (PLAIN, 60_000, (B, C), "a window of 8000 tokens for about 15000"),
        ({**PLAIN, "max_tokens": 2000}, 100, (B, C), "at most 1000 tokens out of 2000"),
    ],
    ids=["plain", "tools", "images, whose bytes are no prompt", "schema", "plain JSON", "long",
         "long answer"],
)  # fmt: skip
def test_targets_that_cannot_are_passed_by(
    body, prompt_bytes: int, targets: tuple[Target, ...], why: str | None
) -> None:
    plans = able()
    plan = plans.plan(plans.rule("chat"), "", prompt_bytes, 0.0, body)
    assert plan.targets == targets
    assert plan.skipped == (() if why is None else (("a/one", why),))
    assert (why or "route") in plan.reason


def test_where_nobody_can_everybody_is_asked() -> None:
    """The provider's own refusal says more than ours."""
    plans = planner(
        known=Known(describe=lambda name: MODELS["a/one"]), rules=[Rule("chat", (A, B))]
    )
    plan = plans.plan(plans.rule("chat"), "", 10, 0.0, {"messages": [{"content": [PICTURE]}]})
    assert plan.targets == (A, B)


def test_a_healthy_plan_is_made_once() -> None:
    plans = able()
    rule = plans.rule("chat")
    first = plans.plan(rule, "", 10, 0.0, PLAIN)
    assert plans.plan(rule, "", 10, 1.0, PLAIN) is first
    assert plans.plan(rule, "", 10, 1.0, {**PLAIN, "tools": [{}]}) is first


def test_after_a_breaker_closed_again_the_plan_is_whole() -> None:
    doors = Breakers(failures=1)
    plans = planner(doors)
    rule = plans.rule("chat")
    doors.failed("a/one", Kind.SERVER, 0.0)
    assert plans.plan(rule, "", 10, 0.0).targets == (B,)
    doors.succeeded("a/one", 6.0)
    assert plans.plan(rule, "", 10, 6.0).targets == (A, B)
    assert doors.shut == 0


# ---- strategies --------------------------------------------------------------------------------


def test_a_user_keeps_the_target_and_users_are_spread() -> None:
    plans = planner()
    rule = plans.rule("split")
    firsts = [
        [plans.plan(rule, "", 10, 0.0, {"user": f"user-{n}"}).targets[0] for _ in range(3)]
        for n in range(400)
    ]
    assert all(len(set(one)) == 1 for one in firsts)
    assert 0.4 < sum(one[0] == A for one in firsts) / 400 < 0.6
    nobody = {plans.plan(rule, "", 10, 0.0, {}).targets[0] for _ in range(60)}
    assert nobody == {A, B}, "without a user, chance decides"


def test_a_key_keeps_the_target() -> None:
    plans = planner()
    rule = plans.rule("kept")
    first = plans.plan(rule, "", 10, 0.0, PLAIN, "frontend").targets
    assert all(plans.plan(rule, "", 10, 0.0, PLAIN, "frontend").targets == first for _ in range(20))


def test_the_cheapest_goes_first() -> None:
    prices = {("a/one", 250, 500): 0.02, ("b/two", 250, 500): 0.01, ("b/two", 250, 9): 0.03}
    known = Known(price=lambda name, prompt, output: prices.get((name, prompt, output)))
    plans = planner(known=known)
    assert plans.plan(plans.rule("cheap"), "", 1000, 0.0).targets == (B, A)


def test_the_fastest_is_measured_again_when_there_is_no_news() -> None:
    speeds = Latency()
    plans = planner(speeds=speeds)
    rule = plans.rule("quick")
    plans.plan(rule, "", 10, 0.0)
    speeds.observe("a/one", 10, 4.0, 0.0)
    speeds.observe("b/two", 10, 0.3, 0.0)
    assert plans.plan(rule, "", 10, 1.0).targets == (B, A)
    for now in range(2, 300):
        speeds.observe("b/two", 10, 0.3, float(now))
    assert plans.plan(rule, "", 10, 300.0).targets == (A, B), "it may have recovered"


def test_the_busy_one_is_not_the_fastest() -> None:
    gates = Limits()
    gates.configure({"a": Quota(), "b": Quota()})
    speeds = Latency()
    plans = planner(speeds=speeds, gates=gates)
    rule = plans.rule("quick")
    plans.plan(rule, "", 10, 0.0)
    speeds.observe("a/one", 10, 0.4, 0.0)
    speeds.observe("b/two", 10, 0.3, 0.0)
    assert plans.plan(rule, "", 10, 0.0).targets == (B, A)
    assert gates.admit("b", 0, 0.0)
    assert plans.plan(rule, "", 10, 0.0).targets == (A, B)


# ---- limits and pools --------------------------------------------------------------------------


def test_a_full_target_is_passed_by_and_with_all_full_the_request_waits() -> None:
    gates = Limits()
    gates.configure({"a": Quota(requests_per_minute=1), "b": Quota(concurrent=1)})
    plans = planner(gates=gates)
    rule = plans.rule("chat")
    assert plans.plan(rule, "", 40, 0.0).targets == (A, B)
    assert gates.admit("a", 10, 0.0)
    plan = plans.plan(rule, "", 40, 0.0)
    assert plan.targets == (B,)
    assert plan.skipped[0][0] == "a/one"
    assert "at its limit for" in plan.skipped[0][1]
    assert gates.admit("b", 10, 0.0)
    plan = plans.plan(rule, "", 40, 0.0)
    assert plan.targets == (B, A), "whoever is free first"
    assert 0 < plan.wait_s < 1
    refused = turned_away(plan)
    assert (refused.status, refused.headers) == (429, {"retry-after": "1"})


def test_keys_and_regions_of_a_provider_are_one_pool() -> None:
    gates = Limits()
    pools = {"a": (("a", 0), ("a", 1), ("eu", 0))}
    gates.configure({"a": Quota(), "a#1": Quota(), "eu": Quota()})
    doors = Breakers()
    plans = planner(doors, gates=gates, known=Known(pools=pools))
    rule = plans.rule("chat")
    names = {"a/one", "a#1/one", "eu/one"}
    seen: dict[str, int] = {}
    for _ in range(300):
        plan = plans.plan(rule, "", 10, 0.0)
        assert {one.name for one in plan.targets[:3]} == names
        assert plan.targets[3:] == (B,)
        seen[plan.targets[0].name] = seen.get(plan.targets[0].name, 0) + 1
    assert min(seen[name] for name in names) > 60
    assert gates.admit("a", 0, 0.0)
    assert gates.admit("eu", 0, 0.0)
    assert plans.plan(rule, "", 10, 0.0).targets[0].name == "a#1/one", "the least busy"
    doors.failed("a#1/one", Kind.KEY_REFUSED, 0.0)
    assert "a#1/one" not in {one.name for one in plans.plan(rule, "", 10, 0.0).targets}
