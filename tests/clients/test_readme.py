"""The lines of the README's section on clients, run as they stand, but for the port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.driven import node_folder, python_packages

README = Path(__file__).resolve().parents[2] / "README.md"
SECTION = README.read_text(encoding="utf-8").split("\n## Clients\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", SECTION, re.S)
ADDRESS = "http://127.0.0.1:3456"

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.timeout(400),  # the first installs what it needs
]


def ran(command: list[str], **env: str) -> list[str]:
    """The lines that a program printed."""
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if line.strip()]


def block(language: str, home, number: int = 0) -> str:
    found = [text for kind, text in BLOCKS if kind == language]
    assert ADDRESS in found[number]
    return found[number].replace(ADDRESS, home.base_url.removesuffix("/v1"))


@pytest.mark.parametrize(("number", "packages"), [(0, "current"), (1, "older")])
def test_the_python_lines_run(home, tmp_path, number, packages) -> None:
    script = tmp_path / "lines.py"
    script.write_text(block("python", home, number))
    env = {"PYTHONPATH": str(python_packages(packages)), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    said = ran([sys.executable, str(script)], **env)
    assert len(said) >= 2 + (number == 0)
    if packages == "older":
        assert re.fullmatch(r"name='.+' age=\d+", said[-1])


def test_the_javascript_lines_run(home) -> None:
    folder = node_folder()
    (folder / "lines.mjs").write_text(block("js", home))
    assert len(ran(["node", str(folder / "lines.mjs")])) >= 3


def test_the_line_for_llm_is_enough(home, tmp_path) -> None:
    (tmp_path / "extra-openai-models.yaml").write_text(block("yaml", home))
    env = {"LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""}
    env["PYTHONPATH"] = str(python_packages("current"))
    command = [sys.executable, "-m", "llm", "prompt", "-m", "firsttoken", "-o", "max_tokens", "20"]
    assert ran([*command, "--no-log", "Say hello"], **env)
