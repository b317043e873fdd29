"""Configurations that are nearly right: read, or refused with their place; no secret is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import config
from proxy.config import ConfigError
from proxy.parts import check
from tests.fuzz.bytes import mutated
from tests.fuzz.conftest import PROFILE

SECRET = "sk-never-shown-0123456789"
ENVIRON = {"KEY": SECRET, "OPENAI_API_KEY": SECRET}
WHOLE = """
[server]
host = "127.0.0.1"
port = 0
workers = 2
drain_seconds = 5
max_lag_ms = 50.0
[auth]
admin_key = "env:KEY"
[[auth.key]]
name = "a"
key = "env:KEY"
requests_per_minute = 60
routes = ["chat"]
[[provider]]
name = "p"
dialect = "anthropic"
base_url = "https://p.test/v1"
key = "env:KEY"
headers = { x-a = "b" }
[[route]]
name = "chat"
targets = ["p/m", { target = "openai/gpt-4o", weight = 2.0 }]
first_token_ms = "auto"
on_stall = "switch"
[[category]]
name = "legal"
examples = ["Is it enforceable?"]
targets = ["p/m"]
[cache]
similarity = 0.97
[local]
enabled = false
"""
DICTIONARY = [b"[", b"]", b"[[route]]", b"[server]", b'"', b"=", b"\n", b"{", b"}", b"true", b"-1",
              b"1e400", b"nan", b"inf", b'"""', b"env:", b"file:", b"*", b"#", b"\\u0000", b"key",
              b"targets", b"0x7fffffffffffffffffff", b"1979-05-27", b"''", b"\xff",
              b'"env:KEY"']  # fmt: skip


@PROFILE
@given(mutated(WHOLE.encode(), DICTIONARY))
def test_a_configuration_is_read_or_refused(data: bytes) -> None:
    try:
        found = config.parse(data.decode(errors="replace"), "fuzz.toml", ENVIRON)
        check(found, ENVIRON)
    except ConfigError as error:
        assert error.errors
        for line in error.errors:
            assert SECRET not in line
            assert len(line) < 2000
        return
    assert SECRET not in repr(found)
    assert SECRET not in str(found.redacted())


@PROFILE
@given(st.text(max_size=40))
def test_a_value_that_looks_like_a_secret_is_not_repeated(name: str) -> None:
    try:
        config.parse(f'[[provider]]\nname = "p"\nkey = "{SECRET}"\n# {name}', "fuzz.toml", {})
    except ConfigError as error:
        assert SECRET not in "".join(error.errors)
    else:
        pytest.fail("a plain secret was taken")
