"""Which endpoints there are, what each may be asked, and what a request costs."""

from __future__ import annotations

import pytest

from proxy import capacity, catalog, config
from proxy.routing.plan import Rule, Target
from proxy.state.limits import Quota

TEXT = """
[[provider]]
name = "eu"
base_url = "http://127.0.0.1:1/v1"
pool = "us"
[[provider]]
name = "us"
base_url = "http://127.0.0.1:2/v1"
keys = ["env:ONE", "env:TWO"]
requests_per_minute = 60
[[provider]]
name = "other"
base_url = "http://127.0.0.1:3/v1"
[[model]]
name = "us/m"
input_usd_per_mtok = 2.0
output_usd_per_mtok = 10.0
[[route]]
name = "chat"
targets = ["us/m", "other/m"]
[local]
enabled = false
[routing]
from_environment = false
"""
RULES = [Rule("chat", (Target("us", "m"), Target("other", "m")))]
ENVIRON = {"ONE": "key-one", "TWO": "key-two"}


def read(text: str = TEXT):
    settings = config.parse(text, "test", ENVIRON)
    return settings, catalog.providers(settings, ENVIRON)


def test_keys_and_regions_are_one_pool() -> None:
    assert capacity.pools(*read()) == {"us": (("us", 0), ("us", 1), ("eu", 0))}


def test_limits_are_each_keys_own_and_pools_are_counted() -> None:
    limited = Quota(requests_per_minute=60)
    assert capacity.provider_quotas(*read(), RULES) == {
        "us": limited,
        "us#1": limited,
        "eu": Quota(),
    }


def test_a_route_that_compares_speeds_counts_too() -> None:
    assert "other" in capacity.provider_quotas(
        *read(), [Rule("r", (Target("other", "m"),), "fastest")]
    )


def test_a_pool_that_is_no_provider_is_an_error_with_its_place() -> None:
    with pytest.raises(config.ConfigError) as refused:
        capacity.pools(*read(TEXT.replace('pool = "us"', 'pool = "asia"')))
    assert 'no provider "asia"' in str(refused.value)
    assert "pool" in str(refused.value)


def test_prices() -> None:
    settings, providers = read()
    book = catalog.Catalog(settings, providers)
    price = capacity.known(settings, book, providers, lambda: 1_795_000_000.0).price
    assert price is not None
    assert price("us/m", 1000, 500) == pytest.approx(0.007)
    assert price("other/m", 1000, 500) is None


def test_workers_divide_what_a_provider_may_be_asked() -> None:
    quotas = capacity.provider_quotas(*read(TEXT + "[server]\nworkers = 4\n"), RULES)
    assert quotas["us"] == Quota(requests_per_minute=15)
    assert quotas["eu"] == Quota()
    shared = '[shared]\nurl = "redis://127.0.0.1:1"\n[server]\nworkers = 4\n'
    text = TEXT.replace('name = "us"', 'name = "us"\nmax_concurrent = 8')
    assert text != TEXT
    assert capacity.provider_quotas(*read(text + shared), RULES)["us"] == Quota(8, 60)
    alone = capacity.provider_quotas(*read(text + "[server]\nworkers = 4\n"), RULES)
    assert alone["us"] == Quota(2, 15)
