"""The units: accepted by systemd's own checker, and rated by its own scale."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.schema import Server

UNITS = Path(__file__).resolve().parents[2] / "systemd"
SERVICES = ["firsttoken.service", "firsttoken@.service", "firsttoken-embedder.service"]
MOST_EXPOSED = 1.5

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def installed(tmp_path) -> Path:
    """The units as they would be installed, with a program that is there."""
    for file in UNITS.iterdir():
        if file.suffix not in (".service", ".socket", ".target"):
            continue
        text = file.read_text().replace("/opt/firsttoken/.venv/bin/firsttoken", "/bin/true")
        (tmp_path / file.name.replace("@.", "@0.")).write_text(text)
        (tmp_path / file.name).write_text(text)
    return tmp_path


def analyze(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_systemd_accepts_every_unit(installed: Path) -> None:
    units = [str(one) for one in sorted(installed.iterdir()) if "@." not in one.name]
    assert len(units) == 6
    assert analyze("verify", *units) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_little_is_left_open(installed: Path, name: str) -> None:
    _, said = analyze(
        "security", "--offline=true", "--no-pager", str(installed / name.replace("@.", "@0."))
    )
    rated = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert rated is not None, said
    assert float(rated[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", SERVICES[:2])
def test_systemd_waits_longer_than_a_drain(name: str) -> None:
    text = (UNITS / name).read_text()
    found = re.search(r"(?m)^TimeoutStopSec=(\d+)$", text)
    assert found is not None
    assert int(found[1]) > Server().drain_seconds + 10
