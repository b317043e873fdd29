from __future__ import annotations

from proxy.state.allowance import Allowance, Table
from proxy.state.division import Division
from proxy.state.limits import MOVING_S, Limits, Quota
from proxy.state.quotas import Quotas

NOW = 5000.0


def a_part(limit: int, parts: int) -> tuple[Division, Quotas]:
    keys = {"web": Allowance(requests_per_minute=limit)}
    quotas = Quotas(Table(keys, {}, Allowance()), NOW, 1.8e9)
    return Division(quotas, Limits(), parts), quotas


def given(quotas: Quotas, asked: int) -> int:
    return sum(quotas.admit("web", "chat", 1, NOW) is None for _ in range(asked))


def test_the_first_ceiling_is_an_even_part() -> None:
    division, quotas = a_part(100, 4)
    assert [rate.limit for rate in division.rates(NOW)] == [100]
    assert given(quotas, 60) == 25


def test_a_ceiling_follows_what_is_heard_but_never_passes_the_limit() -> None:
    division, quotas = a_part(100, 2)
    division.hear_rates(division.rates(NOW), [(500, 0)])
    assert given(quotas, 120) == 100


def test_while_a_server_settles_a_ceiling_comes_back_but_does_not_grow() -> None:
    division, quotas = a_part(100, 2)
    told = division.rates(NOW, settling=True)
    assert [rate.most for rate in told] == [50], "the server gives the others what is beyond it"
    division.hear_rates(told, [(0, 0)])
    assert given(quotas, 10) == 0
    told = division.rates(NOW + 0.1, settling=True)
    assert [rate.most for rate in told] == [50]
    division.hear_rates(told, [(90, 0)])
    assert given(quotas, 90) == 50, "no more than when the server came back"
    told = division.rates(NOW + 0.2)
    assert [rate.most for rate in told] == [100]
    division.hear_rates(told, [(90, 0)])
    assert given(quotas, 90) == 40


def test_alone_a_ceiling_moves_to_an_even_part() -> None:
    division, quotas = a_part(100, 2)
    division.hear_rates(division.rates(NOW), [(90, 0)])
    division.alone(60.0)
    assert given(quotas, 90) == 50


def test_a_providers_minute_is_divided_too_and_a_part_that_moves_is_waited_for() -> None:
    limits = Limits()
    limits.configure({"eu": Quota(requests_per_minute=100, tokens_per_minute=1000)})
    quotas = Quotas(Table({}, {}, Allowance()), NOW, 1.8e9)
    division = Division(quotas, limits, 2)
    told = division.rates(NOW)
    assert [rate.name for rate in told] == ["rate:provider:eu:requests", "rate:provider:eu:tokens"]
    assert sum(limits.admit("eu", 1, NOW) for _ in range(80)) == 50
    assert limits.wait_s("eu", 1, NOW) == MOVING_S, "the others do not use theirs"
    told = division.rates(NOW + 0.1)
    assert (told[0].used, told[0].missed) == (50, 31)
    division.hear_rates(told, [(90, 10), (1000, 0)])
    assert sum(limits.admit("eu", 1, NOW + 0.1) for _ in range(80)) == 40
    assert limits.wait_s("eu", 1, NOW + 0.1) > 59.0, "and now it is used up"


def test_a_reload_keeps_a_providers_part_and_use() -> None:
    limits = Limits()
    limits.configure({"eu": Quota(requests_per_minute=100)})
    quotas = Quotas(Table({}, {}, Allowance()), NOW, 1.8e9)
    division = Division(quotas, limits, 2)
    division.hear_rates(division.rates(NOW), [(80, 5)])
    assert sum(limits.admit("eu", 1, NOW) for _ in range(30)) == 30
    limits.configure({"eu": Quota(requests_per_minute=50), "us": Quota(tokens_per_minute=10)})
    told = {rate.name: (rate.used, rate.limit) for rate in division.rates(NOW)}
    assert told == {"rate:provider:eu:requests": (30, 50), "rate:provider:us:tokens": (0, 10)}
    assert sum(limits.admit("eu", 1, NOW) for _ in range(30)) == 10, "eighty of a hundred, of 50"


def test_what_may_be_asked_at_once_is_divided_among_those_who_share() -> None:
    limits = Limits()
    limits.configure({"eu": Quota(12)})
    division = Division(Quotas(Table({}, {}, Allowance()), NOW, 1.8e9), limits, 2)
    assert sum(limits.admit("eu", 1, NOW) for _ in range(20)) == 6, "by what is known at first"
    division.hear_parts(3)
    assert not limits.admit("eu", 1, NOW)
    division.hear_parts(1)
    assert sum(limits.admit("eu", 1, NOW) for _ in range(20)) == 6
    division.alone(60.0)
    assert not limits.admit("eu", 1, NOW)
