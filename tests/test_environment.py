"""What the process finds around it: .env and forward proxies."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config_file import ConfigError
from proxy.environment import environment, forward_proxy, is_loopback


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        (" export A = b ", "b"),
        ('A="b c"', "b c"),
        ("A='b c'  # why", "b c"),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A=p$ss${HOME}", "p$ss${HOME}"),
        ('A="b\\nc\\"d"', 'b\nc"d'),
        ("A='b\\nc'", "b\\nc"),
        ("A=", ""),
        ("A=a=b==", "a=b=="),
        ('A="open', '"open'),
        ("\ufeffA=b", "b"),
        ("# A=b", None),
        ("A", None),
        ("1A=b", None),
    ],
)
def test_a_line_of_dotenv(tmp_path: Path, line: str, value: str | None) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{line}\nZ_LAST=1\n", encoding="utf-8")
    found = environment(str(path))
    assert found.get("A") == value
    assert found["Z_LAST"] == "1"


def test_the_process_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FT_TEST_A", "process")
    assert "FT_TEST_B" not in environment()
    (tmp_path / ".env").write_text("FT_TEST_A=file\nFT_TEST_B=file\n")
    found = environment()
    assert (found["FT_TEST_A"], found["FT_TEST_B"]) == ("process", "file")


def test_a_dotenv_of_other_bytes_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigError) as caught:
        environment(str(path))
    assert caught.value.errors == [f"{path}: is not UTF-8 text"]


PROXIES = {"HTTPS_PROXY": "http://s:1", "http_proxy": "http://p:2", "NO_PROXY": "a.com, .b.com"}


@pytest.mark.parametrize(
    ("host", "tls", "found"),
    [
        ("api.openai.com", True, "http://s:1"),
        ("api.openai.com", False, "http://p:2"),
        ("a.com", True, None),
        ("x.a.com", True, None),
        ("xa.com", True, "http://s:1"),
        ("x.b.com", True, None),
        ("localhost", True, None),
        ("127.0.0.1", False, None),
        ("::1", False, None),
    ],
)
def test_the_forward_proxy_of_a_host(host: str, tls: bool, found: str | None) -> None:
    assert forward_proxy(PROXIES, host, tls=tls) == found


def test_no_proxy_for_all_and_proxies_of_other_kinds() -> None:
    assert forward_proxy({**PROXIES, "NO_PROXY": "*"}, "h.com", tls=True) is None
    assert forward_proxy({"HTTPS_PROXY": "socks5://s"}, "h.com", tls=True) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False),
     ("example.com", False), ("localhost.example.com", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
