"""Where the rivals live that are no system packages: a folder outside of the repository.

Each has a folder of its own in it, an environment of pip or npm, which `bench overhead --install`
makes. The folder is --home, else $FIRSTTOKEN_RIVALS, else the user's cache.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.overhead.rival import Rival, fill, found

VARIABLE = "FIRSTTOKEN_RIVALS"
SECONDS = 900.0  # that one installing command may take
_BINARIES = ("bin", "node_modules/.bin")


def home(given: str | None, environ: Mapping[str, str]) -> Path:
    """The folder of all rivals. It need not exist."""
    if given or environ.get(VARIABLE):
        return Path(given or environ[VARIABLE]).expanduser().resolve()
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/")) / ".cache"
    return Path(cache) / "firsttoken" / "rivals"


def search(one: Rival, root: Path, path: str) -> str:
    """The PATH on which a rival's programs are looked for: its own folder, then `path`."""
    return os.pathsep.join([*(str(root / one.name / name) for name in _BINARIES), path])


def install(rivals: Sequence[Rival], root: Path, path: str) -> list[str]:
    """Runs what installs each that is not there; one line for each that could not be had."""
    missing = []
    for one in rivals:
        words = {"HOME": str(root / one.name)}
        on = search(one, root, path)
        if all(found(fill(program, words), on) for program in one.needs):
            sys.stdout.write(f"{one.name}: there\n")
        elif not one.setup:
            missing.append(f"{one.name}: {one.install}")
        else:
            sys.stdout.write(f"{one.name}: installing into {root / one.name}\n")
            sys.stdout.flush()
            said = _set_up(one, root / one.name)
            missing.extend([f"{one.name}: {said}"] if said else [])
    return missing


def _set_up(one: Rival, folder: Path) -> str:
    """Empty, or why it failed."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {"PYTHON": sys.executable, "HOME": str(folder)}
    for name, text in one.setup_files.items():
        Path(fill(name, words)).write_text(fill(text, words))
    for command in one.setup:
        try:
            done = subprocess.run(
                shlex.split(fill(command, words)),
                capture_output=True,
                text=True,
                check=False,
                cwd=folder,
                timeout=SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{command}: {error}"
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            return f"{command}: {said[-1] if said else done.returncode}"
    return ""
