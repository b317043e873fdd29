"""The lock file: the constraints' versions, every dependency, and a hash for each."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "systemd" / "requirements.lock").read_text()
PINS = dict(re.findall(r"(?m)^([a-z0-9_.-]+)==(\S+)", LOCK))


def test_it_pins_what_the_constraints_pin() -> None:
    text = (ROOT / "constraints.txt").read_text().lower().replace("_", "-")
    known = dict(re.findall(r"(?m)^([a-z0-9.-]+)==(\S+)", text))
    assert {name: known.get(name) for name in PINS} == PINS


def test_every_pin_has_its_hashes() -> None:
    for block in re.split(r"(?m)^(?=[a-z0-9])", LOCK)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block[:40]


def test_it_holds_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["local"], *extras["shared"]]
    names = {re.split(r"[\[>=<; ]", one)[0].lower() for one in wanted}
    assert names <= PINS.keys()
