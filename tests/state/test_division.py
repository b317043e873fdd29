from __future__ import annotations

from proxy.state.allowance import Allowance, Table
from proxy.state.division import Division
from proxy.state.quotas import Quotas

NOW = 5000.0


def a_part(limit: int, parts: int) -> tuple[Division, Quotas]:
    keys = {"web": Allowance(requests_per_minute=limit)}
    quotas = Quotas(Table(keys, {}, Allowance()), NOW, 1.8e9)
    return Division(quotas, parts), quotas


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
    told = division.rates(NOW)
    division.hear_rates(told, [(0, 0)], settling=True)
    assert given(quotas, 10) == 0
    division.hear_rates(told, [(90, 0)], settling=True)
    assert given(quotas, 90) == 50, "no more than when the server came back"
    division.hear_rates(told, [(90, 0)])
    assert given(quotas, 90) == 40


def test_alone_a_ceiling_moves_to_an_even_part() -> None:
    division, quotas = a_part(100, 2)
    division.hear_rates(division.rates(NOW), [(90, 0)])
    division.alone(60.0)
    assert given(quotas, 90) == 50
