from __future__ import annotations

import pytest

from proxy.shared.address import address, prove

RIGHT = [  # and the nodes that it names itself, and the primary
    ("redis://127.0.0.1", (), ""),
    ("redis://user:word@127.0.0.1:6379/2?health_check_interval=3", (), ""),
    ("valkeys://host?ssl_ca_certs=/etc/ca.pem", (), ""),
    ("unix:///run/valkey.sock?db=1", (), ""),
    ("redis+sentinel://one:1,two/mymaster/2", (("one", 1), ("two", 26379)), "mymaster"),
    ("redis+cluster://one:1,[::1]:2", (("one", 1), ("::1", 2)), ""),
]
WRONG = [
    ("http://host", "must begin with redis://"),
    ("redis://host:99999", "is not a URL"),
    ("redis://host/mine", "port or database that is no number"),
    ("redis://u:hidden@host?colour=red", "does not know: colour"),
    ("redis://u:hidden@host?ssl_ca_certs=/etc/ca.pem", "does not know: ssl_ca_certs"),
    ("redis://u:hidden@host?socket_timeout=hidden", "does not take"),
    ("redis+sentinel://host", "needs the name of the primary"),
    ("redis+sentinel://host/mymaster?colour=red", "does not know: colour"),
    ("redis+cluster://", "a host without a name"),
    ("redis+cluster://u:hidden@host?colour=red", "does not know: colour"),
]


@pytest.mark.parametrize(("url", "hosts", "service"), RIGHT)
def test_a_right_url_can_be_connected_to(
    url: str, hosts: tuple[tuple[str, int], ...], service: str
) -> None:
    where = address(url)
    prove(where)
    assert (where.hosts, where.service) == (hosts, service)


@pytest.mark.parametrize(("url", "words"), WRONG)
def test_a_wrong_url_is_told_without_what_is_in_it(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as told:
        prove(address(url))
    assert "hidden" not in str(told.value)
