"""Where rivals live, and how they get there."""

from pathlib import Path

from benchmarks.overhead import programs, rival


def test_the_folder_is_given_or_in_the_environment_or_the_cache(tmp_path):
    assert programs.home(str(tmp_path), {}) == tmp_path
    assert programs.home(None, {programs.VARIABLE: str(tmp_path)}) == tmp_path
    assert programs.home(None, {"HOME": "/h"}) == Path("/h/.cache/firsttoken/rivals")
    assert programs.home(None, {"XDG_CACHE_HOME": "/c"}) == Path("/c/firsttoken/rivals")


def test_what_is_not_there_is_installed(tmp_path, capsys):
    made = rival.Rival(
        "made",
        "{HOME}/bin/it",
        needs=("{HOME}/bin/it",),
        setup=("{PYTHON} {HOME}/make.py",),
        setup_files={"{HOME}/make.py": "import os; os.mkdir('bin'); open('bin/it', 'w')"},
    )
    broken = rival.Rival(
        "broken", "x", needs=("no-such",), setup=("{PYTHON} -c 'raise SystemExit(\"no\")'",)
    )
    system = rival.Rival("system", "x", needs=("no-such",), install="apt-get install it")
    found = programs.install([made, broken, system], tmp_path, "/usr/bin")
    assert (tmp_path / "made" / "bin" / "it").exists()
    assert len(found) == 2
    assert found[0].startswith("broken: ") and found[0].endswith(": no")
    assert found[1] == "system: apt-get install it"
    assert programs.install([made], tmp_path, "/usr/bin") == []
    assert "made: there" in capsys.readouterr().out
