"""What was changed by API: over the file, beside the file, never in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy import changes, config
from proxy.config import Config, ConfigError

TEXT = """
[[route]]
name = "chat"
targets = ["openai/gpt-4o"]
[[category]]
name = "legal"
keywords = ["contract"]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    return config.parse(TEXT, str(tmp_path / "firsttoken.toml"), {})


def test_without_changes_the_file_counts(settings: Config) -> None:
    made = changes.read(settings)
    assert made.path.name == "firsttoken.changes.json"
    assert made.apply(settings) is settings
    assert not made.is_stale()


def test_a_change_goes_over_the_file_and_is_found_again(settings: Config) -> None:
    made = changes.read(settings)
    made = made.having("routes", "fast", {"targets": ["groq/llama"], "strategy": "fastest"})
    made = made.having("categories", "legal", None)
    made = made.having("routes", "chat", {"targets": ["openai/gpt-4o-mini"]})
    saved = made.save()
    again = changes.read(settings)
    assert again == saved
    after = again.apply(settings)
    assert {one.name: one.targets for one in after.routes} == {
        "fast": ["groq/llama"],
        "chat": ["openai/gpt-4o-mini"],
    }
    assert after.categories == []
    assert after.source == settings.source
    assert [one.name for one in settings.routes] == ["chat"]


def test_somebody_elses_change_is_noticed(settings: Config) -> None:
    one, two = changes.read(settings), changes.read(settings)
    saved = one.having("routes", "x", {"targets": ["openai/a"]}).save()
    assert two.is_stale()
    assert not saved.is_stale()
    assert list(saved.path.parent.iterdir()) == [saved.path]  # nothing half-written is left


@pytest.mark.parametrize(
    ("what", "table", "words"),
    [
        ("routes", {"targets": []}, "targets"),
        ("routes", {"targets": ["openai/a"], "colour": 1}, "colour"),
        ("routes", {"targets": ["no-slash"]}, "targets"),
        ("categories", {"keywords": "law"}, "keywords"),
    ],
)
def test_what_the_schema_refuses_is_told_with_its_place(
    settings: Config, what: str, table: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        changes.read(settings).having(what, "x", table).apply(settings)


def test_a_name_that_is_none_is_told_in_our_words(settings: Config) -> None:
    with pytest.raises(ConfigError, match=r'category "a/b": name: a name is letters'):
        changes.read(settings).having("categories", "a/b", {"keywords": ["law"]}).apply(settings)


def test_there_is_an_end_to_them(settings: Config) -> None:
    made = changes.Changes(Path("x"), {f"r{n}": None for n in range(1000)})
    with pytest.raises(ConfigError, match="1000 changed routes"):
        made.having("routes", "one-more", None)
    assert made.having("routes", "r5", None).routes == made.routes


def test_without_a_file_changes_are_kept_in_the_working_directory() -> None:
    assert str(changes.path_of(config.parse("", config.DEFAULTS, {}))) == "firsttoken.changes.json"
