"""The container's files: what can be said of them without a container."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from proxy import config

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "systemd" / "container"
DOCKERFILE = (FILES / "Dockerfile").read_text()


def test_the_image_is_made_of_what_is_there() -> None:
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", DOCKERFILE)
    names = [name for line in copied for name in line.split()]
    assert len(names) >= 7
    ignored = (FILES / "Dockerfile.dockerignore").read_text().splitlines()
    for name in names:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name


def test_it_is_nobody_in_there() -> None:
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"(?m)^USER 65532:65532$", last)
    assert "STOPSIGNAL SIGTERM" in last
    assert not re.search(r"(?m)^FROM \S+:latest|^FROM [^:\s]+$", DOCKERFILE)


def test_its_configuration_is_one() -> None:
    found = config.load(str(FILES / "firsttoken.toml"), {"ADMIN_KEY": "a", "FRONTEND_KEY": "b"})
    changed = config.with_server(found, {"host": "0.0.0.0"})
    assert changed.server.host == "0.0.0.0"
    assert found.shared.url is not None


def test_the_composition_names_files_that_are_there() -> None:
    text = (FILES / "compose.yaml").read_text()
    mounted = re.findall(r"(?m)^\s+- \./(\S+?):/", text)
    assert len(mounted) == 6
    for name in mounted:
        assert (FILES / name).is_file(), name
    assert all(one.startswith("127.0.0.1:") for one in re.findall(r'ports: \["([^"]+)"\]', text))


def test_the_composition_is_yaml() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found = yaml.safe_load((FILES / "compose.yaml").read_text())
    assert set(found["services"]) == {"first", "second", "valkey", "prometheus", "grafana"}
    for name in ("first", "second"):
        assert found["services"][name]["read_only"] is True
    for file in FILES.rglob("*.y*ml"):
        assert yaml.safe_load(file.read_text())


def test_every_dependency_has_its_licence_told() -> None:
    rows = re.findall(r"(?m)^\| ([a-z0-9-]+)[^|]*\| (.+) \|$", (FILES / "LICENCES.md").read_text())
    told = dict(rows)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in ("local", "shared") for one in project["optional-dependencies"][extra]),
    ]
    names = {re.split(r"[\[>=<; ]", one)[0].lower() for one in wanted}
    assert names <= told.keys()
    assert not any("GPL" in licence for licence in told.values())
