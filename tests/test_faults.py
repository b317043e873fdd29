"""Every row of the catalogue of faults names tests that are there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = tomllib.loads((HERE / "faults.toml").read_text())
ROWS = [(part, row, tests) for part, rows in TABLE.items() for row, tests in rows.items()]


def names_in(file: Path) -> set[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse(file.read_text())
    return {one.name for one in ast.walk(tree) if isinstance(one, functions)
            and one.name.startswith("test_")}  # fmt: skip


@pytest.mark.parametrize(("part", "row", "tests"), ROWS)
def test_a_row_has_its_tests(part: str, row: str, tests: list[str]) -> None:
    assert tests, row
    for name in tests:
        file, _, test = name.partition("::")
        found = names_in(HERE / file)
        assert found, name
        assert not test or test in found, name


def test_no_part_is_missing() -> None:
    assert {part: len(rows) for part, rows in TABLE.items()}.keys() == {
        "upstream", "downstream", "process",
    }  # fmt: skip
    assert len(ROWS) >= 45
