"""The snapshot of known models: found under every spelling, loaded late and fast."""

from __future__ import annotations

from importlib.resources import files
from time import perf_counter

import pytest

from proxy.models import Models, snapshot, undated

GROUPS = {"openai": ("openai",), "anthropic": ("anthropic",), "azure": ("azure", "openai")}


@pytest.mark.parametrize(
    ("name", "context", "price"),
    [
        ("openai/gpt-4o-mini", 128_000, "0.15"),
        ("openai/gpt-4o-mini-2024-07-18", 128_000, "0.15"),
        ("openai/GPT-4o-mini", 128_000, "0.15"),
        ("azure/gpt-4o-mini", 128_000, "0.15"),
        ("anthropic/claude-haiku-4-5-20251001", 200_000, "1"),
        ("anthropic/claude-3-5-haiku-20241022", 200_000, "0.8"),
    ],
)
def test_a_model_is_found_however_its_version_is_written(
    name: str, context: int, price: str
) -> None:
    model = Models((), GROUPS).get(name)
    assert model is not None
    assert (model.name, model.context_tokens) == (name, context)
    assert str(model.prices.prices[0].rates.input) == price


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini-x", "openai/", "nobody/gpt-4o", "gpt-4o"])
def test_a_likeness_is_not_a_model(name: str) -> None:
    assert Models((), GROUPS).get(name) is None


def test_prefill_ends_with_anthropics_4_6() -> None:
    models = Models((), GROUPS)
    for name, prefill in (("claude-sonnet-4-5", True), ("claude-opus-4-6", False),
                          ("claude-sonnet-5-5", False)):  # fmt: skip
        model = models.get(f"anthropic/{name}")
        assert model is not None
        assert model.prefill is prefill


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-opus-4-1@20250805", "claude-opus-4-1"),
        ("mistral-large-latest", "mistral-large"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-4o", "gpt-4o"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
    ],
)
def test_a_date_is_no_part_of_the_name(name: str, stem: str) -> None:
    assert undated(name) == stem


def test_every_row_can_be_read() -> None:
    book = snapshot()
    assert len(book.rows) > 1000
    for name in book.rows:
        model = book.model(name)
        for price in model.prices.prices:
            assert price.rates.input >= 0
            assert [above for above, _ in price.tiers] == sorted(above for above, _ in price.tiers)
        assert book.find((name.partition("/")[0],), name.partition("/")[2]) == name


def test_it_is_small_and_loads_at_once() -> None:
    assert len(files("proxy").joinpath("data/models.json").read_bytes()) < 400_000
    took_ms = []
    for _ in range(5):
        snapshot.cache_clear()
        began = perf_counter()
        snapshot()
        took_ms.append((perf_counter() - began) * 1e3)
    assert min(took_ms) < 20


def test_names_are_bounded_however_many_are_asked() -> None:
    models = Models((), GROUPS)
    for number in range(9000):
        models.get(f"openai/made-up-{number}")
    assert len(models._found) <= 4097
