"""The line of everything in a TOML text."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config_file import line_numbers, read

TEXT = '''# one
[server] # two
port = 1
text = """
[not.a.table]
key = "a"
"""
raw = \'\'\'
[neither]
\'\'\'
[auth]
[[auth.key]]
name = "a"
[[auth.key]]
name = "b # [["
routes = [
  "x", # ]
  "y",
]
after = 1
[[provider]]
[provider.headers]
"X-A" = "1"
[[provider]]
headers.X-B = "[" # dotted
  [provider.more]
  z = 1
'''


def test_every_key_has_its_line() -> None:
    assert tomllib.loads(TEXT)
    assert line_numbers(TEXT) == {
        ("server",): 2,
        ("server", "port"): 3,
        ("server", "text"): 4,
        ("server", "raw"): 8,
        ("auth",): 11,
        ("auth", "key", 0): 12,
        ("auth", "key", 0, "name"): 13,
        ("auth", "key", 1): 14,
        ("auth", "key", 1, "name"): 15,
        ("auth", "key", 1, "routes"): 16,
        ("auth", "key", 1, "after"): 20,
        ("provider", 0): 21,
        ("provider", 0, "headers"): 22,
        ("provider", 0, "headers", "X-A"): 23,
        ("provider", 1): 24,
        ("provider", 1, "headers"): 25,
        ("provider", 1, "headers", "X-B"): 25,
        ("provider", 1, "more"): 26,
        ("provider", 1, "more", "z"): 27,
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "f"),
        (("server", "port"), "f:3: [server]: port"),
        (("server", "missing"), "f:2: [server]: missing"),
        (("auth", "key", 1, "routes", 1), 'f:16: [[auth.key]] 2 "b # [[": routes 2'),
        (("provider", 0, "headers", "X-A"), "f:23: [[provider]] 1: headers.X-A"),
        (("nowhere", "x"), "f: [nowhere]: x"),
    ],
)
def test_a_place_in_words(path: tuple[str | int, ...], place: str) -> None:
    assert read(TEXT, "f").at(*path) == place


VALUES = st.sampled_from(
    ["1", "true", '"a"', '"# [["', "'}'", "[1, 2]", "[\n  1,\n  '[',\n]", '"""\n[x]\ny = 1\n"""',
     "{ a = 1, b = [ '{' ] }", '"\\""', '"""a\\"""b"""', '"""a\\\\"""', '""""a"""""', "''''a'''''"]
)  # fmt: skip
TABLES = st.lists(st.tuples(st.booleans(), st.lists(VALUES, max_size=4)), max_size=6)


@given(TABLES)
def test_lines_point_at_what_tomllib_reads(tables: list[tuple[bool, list[str]]]) -> None:
    text = ""
    wanted: dict[tuple[Any, ...], int] = {}
    arrays = 0
    for number, (several, values) in enumerate(tables):
        path: tuple[Any, ...] = ("many", arrays) if several else (f"t{number}",)
        arrays += several
        wanted[path] = text.count("\n") + 1
        text += "[[many]]\n" if several else f"[t{number}]\n"
        for key, value in enumerate(values):
            wanted[(*path, f"k{key}")] = text.count("\n") + 1
            text += f"k{key} = {value} # ['\n" if "\n" not in value else f"k{key} = {value}\n"
    tomllib.loads(text)
    assert line_numbers(text) == wanted
