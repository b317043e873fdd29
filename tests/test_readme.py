"""What the README says is there, is there, and what is there is in its map."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from proxy import config
from proxy.__main__ import _parser
from proxy.parts import check
from tests.admin.house import house

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAP = README.split("\n## How it is built\n")[1].split("```")[1]
SPOKEN = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.S))
TOP = ("proxy", "embeddings", "benchmarks", "tests", "systemd")
FOLDERS = ("predecessors", "build")  # described as a whole
ENVIRON = {"INHOUSE_KEY": "x", "OPENAI_API_KEY": "x", "VALKEY_URL": "redis://127.0.0.1",
           "FRONTEND_KEY": "x", "ALERT_URL": "http://127.0.0.1", "ALERT_KEY": "x",
           "OLLAMA_BASE_URL": "http://127.0.0.1:11434"}  # fmt: skip


def modules() -> list[Path]:
    found = [path for name in ("proxy", "embeddings") for path in (ROOT / name).rglob("*.py")]
    return [path for path in found if path.stem != "__init__" and path.parent.name not in FOLDERS]


def test_every_module_is_on_the_map() -> None:
    words = set(re.findall(r"\w+", MAP))
    missing = [
        str(path.relative_to(ROOT)) for path in modules() if not {path.stem, family(path)} & words
    ]
    assert missing == []


def family(path: Path) -> str:
    """What a file of a wire format is named after: gemini_parse.py is one of gemini's."""
    return path.stem.partition("_")[0] if path.parent.name == "dialects" else path.stem


def test_nothing_else_is_on_the_map() -> None:
    tree = [path for name in TOP for path in (ROOT / name).rglob("*")]
    stems = {path.stem for path in tree if path.suffix == ".py"}
    missing = [name for name in re.findall(r"\b(\w+)\.py\b", MAP) if name not in stems]
    folders = {path.name for path in tree if path.is_dir()} | set(TOP)
    missing += [name for name in re.findall(r"(\w+)/(?!\w)", MAP) if name not in folders]
    assert missing == []


def test_paths_that_it_names_are_there() -> None:
    named = [
        one for one in SPOKEN if re.match(r"(proxy|tests|benchmarks|systemd|embeddings)/", one)
    ]
    assert len(named) > 10
    missing = [one for one in named if not any(ROOT.glob(one.rstrip("/")))]
    assert missing == []
    run = [ROOT / one.replace(".", "/") for one in re.findall(r"`python -m (tests[\w.]+)", README)]
    assert len(run) > 2
    assert [
        str(one) for one in run if not one.with_suffix(".py").exists() and not one.is_dir()
    ] == []


def commands() -> list[str]:
    """Every `firsttoken ...` in the text and in the blocks, without what a shell adds."""
    shown = re.findall(r"(?:bin/|^|\s|\$ )firsttoken ([a-z][^`\n|&>#]*)", "\n".join(SPOKEN))
    shown += re.findall(r"\.venv/bin/firsttoken ([^\n]+)", README)
    return sorted({one.strip().rstrip("\\").strip() for one in shown})


@pytest.mark.parametrize("line", commands())
def test_every_command_is_understood(line: str) -> None:
    words = shlex.split(line)
    parser = _parser(words)
    names = iter(words)
    for name in names:
        actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        if name.startswith("-") or not actions:
            break
        assert name in actions[0].choices
        parser = actions[0].choices[name]
    known = {option for action in parser._actions for option in action.option_strings}
    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_the_configuration_by_example_is_one() -> None:
    text = README.split("## Configuration by example")[1].split("```toml\n")[1].split("```")[0]
    settings = config.parse(text, "README.md", ENVIRON)
    check(settings, ENVIRON)
    assert [route.name for route in settings.routes] == ["chat", "gpt-*"]
    assert settings.shared.url is not None


@pytest.mark.parametrize(("table", "key"), sorted(set(re.findall(r"`\[(\w+)\] (\w+)", README))))
def test_every_setting_that_it_names_is_one(table: str, key: str) -> None:
    with pytest.raises(config.ConfigError) as refused:
        config.parse(f"[{table}]\n{key} = [[]]\n", "README.md", {})
    assert "unknown" not in str(refused.value)


async def test_every_endpoint_of_the_table_is_served() -> None:
    table = README.split("| request | is answered by |")[1].split("\n\n")[0]
    named = set(re.findall(r"(?:`|, |\s)(/[a-z][\w/.]*)", table)) - {"/v1/..."}
    async with house() as it:
        runner = it.app.house._runner
        served = [resource.get_info() for resource in runner.app.router.resources()]
    assert len(named) > 20
    assert [path for path in sorted(named) if not any(matches(one, path) for one in served)] == []


def matches(resource: dict, path: str) -> bool:
    pattern = resource.get("pattern")
    return resource.get("path") == path or (pattern is not None and bool(pattern.fullmatch(path)))
