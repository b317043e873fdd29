"""A release: the same bytes from any clone, and what comes out of it runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from embeddings import gather

ROOT = Path(__file__).resolve().parents[2]
STAMP = 1_700_000_000
CONFIG = '[[provider]]\nname = "a"\ndialect = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'

COMPILED = {
    "embeddings/_gather.abi3.so",
    "proxy/cache/_tokens.abi3.so",
    "proxy/upstream/_shortcut.abi3.so",
}

pytestmark = pytest.mark.slow


def _pinned() -> bool:
    """Whether what builds is what constraints.txt names."""
    try:
        found = version("setuptools")
    except PackageNotFoundError:
        return False
    return f"\nsetuptools=={found}\n" in (ROOT / "constraints.txt").read_text()


def _run(*words: str | Path, cwd: Path, **environ: str) -> str:
    """What it says. cwd: where it runs, and its home."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:]
    return done.stdout


@pytest.fixture(scope="module")
def dists(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders with what two clones made, under other circumstances."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    if not _pinned():
        pytest.skip("another setuptools than constraints.txt names, or none")
    made = []
    for name, mask, zone, seed in (
        ("a", 0o022, "UTC", "1"),
        ("b/deeper", 0o077, "Asia/Tokyo", "2"),
    ):
        base = tmp_path_factory.mktemp("dist")
        clone, out = base / name, base / "out"
        old = os.umask(mask)
        try:
            _run("git", "clone", "-q", ROOT, clone, cwd=base)
            for place in clone.rglob("*.py"):
                os.utime(place, (STAMP + len(name) * 9999, STAMP + len(name) * 9999))
            same = {"SOURCE_DATE_EPOCH": str(STAMP), "TZ": zone, "PYTHONHASHSEED": seed}
            _run(sys.executable, clone / ".ci" / "dist", out, cwd=base, **same)
        finally:
            os.umask(old)
        made.append(out)
    return made[0], made[1]


def test_two_clones_make_the_same_bytes(dists: tuple[Path, Path]) -> None:
    sums = [
        {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in out.iterdir()}
        for out in dists
    ]
    (wheel,) = (name for name in sums[0] if name.endswith(".whl"))
    assert set(sums[0]) == {wheel, "firsttoken-0.1.0.tar.gz"}
    assert wheel.startswith("firsttoken-0.1.0-cp311-abi3-"), "one wheel for 3.11 and later"
    assert sums[0] == sums[1]


def test_they_hold_what_is_in_the_tree_and_nothing_of_the_builder(dists) -> None:
    (wheel,), (sdist,) = dists[0].glob("*.whl"), dists[0].glob("*.gz")
    tracked = set(_run("git", "ls-files", cwd=ROOT).splitlines())
    packages = ("proxy/", "embeddings/", "benchmarks/")
    with zipfile.ZipFile(wheel) as packed:
        names = {one for one in packed.namelist() if ".dist-info/" not in one}
        assert {one.external_attr >> 16 & 0o777 for one in packed.infolist()} <= {
            0o644,
            0o664,
            0o755,
        }
        assert not any(one.endswith(".pth") for one in packed.namelist())
    assert names - tracked == (COMPILED if gather.compiled else set())
    code = {one for one in tracked if one.startswith(packages) and one.endswith(".py")}
    assert code <= names
    with tarfile.open(sdist) as packed:
        members = packed.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {
        (0, 0, "", "", STAMP)
    }
    inside = {one.name.partition("/")[2] for one in members}
    assert {"LICENSE", "constraints.txt", "systemd/firsttoken.service"} <= inside
    assert not any(one.startswith("tests/") for one in inside)


@pytest.mark.parametrize("kind", ["*.whl", "*.gz"])
def test_what_is_installed_from_them_runs(dists, tmp_path: Path, kind: str) -> None:
    """In a virtual environment of its own, that borrows only the dependencies. The sdist is built
    where there is no compiler: Python and numpy do then what would have been compiled."""
    (package,) = dists[1].glob(kind)
    _run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(_run(python, "-c", ask, cwd=tmp_path).strip())
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    words = (
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--force-reinstall",
    )
    _run(*pip, *words, package, cwd=tmp_path, CC="false")
    compiled = kind == "*.whl" and gather.compiled is not None
    assert {(site / one).exists() for one in COMPILED} == {compiled}
    where = _run(python, "-c", "import proxy; print(proxy.__file__)", cwd=tmp_path)
    assert where.startswith(str(site))
    (tmp_path / "firsttoken.toml").write_text(CONFIG)
    told = _run(tmp_path / "venv" / "bin" / "firsttoken", "check", cwd=tmp_path)
    assert "firsttoken.toml" in told
    said = _run(tmp_path / "venv" / "bin" / "firsttoken", "classify", "Write a haiku", cwd=tmp_path)
    assert said.startswith("creative"), "the model is in it"
