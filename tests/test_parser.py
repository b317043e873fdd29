"""A mistake on the command line is one line, and names what was probably meant."""

import pytest

from proxy.__main__ import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "firsttoken: the following arguments are required: COMMAND"),
        (["srve"], "firsttoken: COMMAND: there is no 'srve' (did you mean serve?)"),
        (["bench", "lod"], "firsttoken bench: KIND: there is no 'lod' (did you mean load?)"),
        (["serve", "--prot", "1"], "firsttoken serve: unknown: --prot (did you mean --port?)"),
        (["serve", "--port", "x"], "firsttoken serve: argument --port: invalid int value: 'x'"),
        (["mock", "--prt=1"], "firsttoken mock: unknown: --prt (did you mean --port?)"),
        (["check", "--live", "now"], "firsttoken check: unknown: now"),
        (["cache", "xyz"], "ACTION: there is no 'xyz' (one of stats, warm, invalidate)"),
        (["bench", "load", "--modle", "m"], "unknown: --modle (did you mean --model?)"),
        (["bench", "load", "--api", "chot"], "there is no 'chot' (did you mean chat?)"),
    ],
)
def test_a_mistake_is_one_line(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert said in err
    assert err.count("\n") == 1
    assert err.endswith(" --help\n")
    assert out == ""


def test_what_follows_two_dashes_is_a_text(capsys):
    assert main(["classify", "--", "--prot"]) == 0
    assert "confidence" in capsys.readouterr().out
