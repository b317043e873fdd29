"""Which category a name means, and who is asked for it by default."""

from __future__ import annotations

import pytest

from proxy import catalog, config
from proxy.admin.predecessors.coordination import USE_CASES
from proxy.admin.predecessors.orchestrator import AGENTS
from proxy.admin.predecessors.trpc import TASK_TYPES
from proxy.chains import chains
from proxy.routing.kinds import CHAINS, MULTILINGUAL, SAID, by_language, meaning


@pytest.mark.parametrize("name", [*USE_CASES, *TASK_TYPES, *AGENTS, "tools", "code", "reasoning"])
def test_every_name_of_an_older_router_means_a_category_with_a_chain(name: str) -> None:
    assert meaning(name, {}) in CHAINS


def test_a_declared_category_means_itself() -> None:
    assert meaning("simple", {}) == "conversation"
    assert meaning("simple", {"simple": None}) == "simple"


@pytest.mark.parametrize(
    ("category", "language", "found"),
    [
        ("conversation", "zh", MULTILINGUAL),
        ("", "ar", MULTILINGUAL),
        ("code", "zh", "code"),
        ("conversation", "fr", "conversation"),
    ],
)
def test_languages_have_a_chain_of_their_own(category: str, language: str, found: str) -> None:
    assert by_language(category, language) == found


def made(text: str = "", **environ: str) -> dict[str, list[str]]:
    settings = config.parse(text, "test", environ)
    providers = {
        name: one for name, one in catalog.providers(settings, environ).items() if one.tier
    }
    book = catalog.Catalog(settings, providers)
    return {name: [t.name for t in chain] for name, chain in chains(settings, book).items()}


def test_the_chains_of_the_providers_that_are_there() -> None:
    found = made(DEEPSEEK_API_KEY="k", ANTHROPIC_API_KEY="k")
    assert found["code"][:2] == ["deepseek/deepseek-v4-pro", "anthropic/claude-sonnet-5-5"]
    assert found["analysis"][0] == "anthropic/claude-sonnet-5-5"
    assert "anthropic/claude-haiku-5-5" in found["code"], "everybody else comes after"
    assert "translation" not in found, "nobody of its chain is there"


def test_every_model_of_the_chains_is_known() -> None:
    keys = {
        variable: "k"
        for row in catalog.rows().values()
        for variable in row.get("env", ())[:1]
        if row["name"] not in ("azure", "vertex", "bedrock")
    }
    found = made(**keys)
    assert set(found) == set(CHAINS)
    for category, chain in CHAINS.items():
        assert len(dict.fromkeys(found[category])) >= len(chain) - 1


def test_a_route_or_a_category_goes_before_the_built_in_chains() -> None:
    route = '[[route]]\nname = "chat"\ntargets = ["deepseek/deepseek-v4-flash"]\n'
    assert made(route, DEEPSEEK_API_KEY="k") == {}
    own = '[[category]]\nname = "code"\ntargets = ["deepseek/deepseek-v4-flash"]\n'
    assert made(own, DEEPSEEK_API_KEY="k")["code"] == ["deepseek/deepseek-v4-flash"]


def test_what_a_router_model_is_told_of_has_a_chain() -> None:
    assert set(SAID) <= set(CHAINS)
