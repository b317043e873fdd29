"""`bench classify`: it runs without data and without rivals, and says what it left out."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from benchmarks.classify import quality
from benchmarks.classify.command import markdown
from benchmarks.classify.subjects import Embedding, Keywords, Ours
from benchmarks.commands import main

INTENTS = [
    {"text": f"{word} {n} please", "label": word, "split": split}
    for word in (f"w{k}" for k in range(10))
    for split in ("train", "dev")
    for n in range(8)
]


def letters(texts):
    """A vector that counts words by their first two letters."""
    found = np.zeros((len(texts), 64), np.float32)
    for row, text in enumerate(texts):
        for word in text.split():
            found[row, sum(word[:2].encode()) % 64] += 1.0
    return found


def test_without_data_and_rivals(tmp_path, capsys) -> None:
    out = tmp_path / "out.json"
    arguments = ["bench", "classify", "--data", str(tmp_path), "--rounds", "1", "--rivals"]
    assert main([*arguments, "--no-embedder", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "scores skipped: no labelled rows" in shown
    figures = orjson.loads(out.read_bytes())["figures"]["firsttoken"]
    assert figures["heavy"]["value"] == 0
    assert figures["short_p50_us"]["value"] > 0
    assert "sts_en" not in figures


def test_an_unknown_rival_is_named(tmp_path) -> None:
    with pytest.raises(SystemExit, match="no rival 'gpt'"):
        main(["bench", "classify", "--data", str(tmp_path), "--rivals", "gpt"])


def test_own_categories_are_scored_and_forgotten(tmp_path) -> None:
    (tmp_path / "intents_dev.jsonl").write_bytes(b"\n".join(map(orjson.dumps, INTENTS)))
    rows = quality.Rows(tmp_path, 0)
    ours = Ours()
    before = ours.classifier.categories
    assert quality.score(ours, rows)["own_10x8"][0] > 0.5
    assert ours.classifier.categories == before
    assert quality.score(Embedding("letters", letters), rows)["own_10x8"][0] > 0.9
    assert "own_10x8" not in quality.score(Keywords(), rows), "keywords have no vectors"


def test_a_perfect_ranking_is_better_than_length(tmp_path) -> None:
    rng = np.random.default_rng(0)
    graded = [
        {"prompt": "x" * int(rng.integers(5, 90)), "weak_ok": not hard, "strong_ok": True,
         "set": "mmlu"}
        for hard in rng.random(200) < 0.4
    ]  # fmt: skip
    (tmp_path / "routing_dev.jsonl").write_bytes(b"\n".join(map(orjson.dumps, graded)))
    rows = quality.Rows(tmp_path, 0)
    value, error = quality.lengths(rows)["apgr_mmlu"]
    assert abs(value - 0.5) < 4 * error
    best = quality._apgr(rows.graded, [float(not row["weak_ok"]) for row in rows.graded])
    assert best[0] > 0.75


def test_the_table_shows_errors_and_what_is_missing() -> None:
    table = {"a": {"sts_en": (0.5, 0.01)}, "b": {"load_s": (1.0, 0.0)}}
    shown = markdown(table, {"c": "not installed"}, "tiny on cpu")
    assert "| STS-B, Spearman, English | >= 0.77 | 0.500 +- 0.010 | - |" in shown
    assert "c skipped: not installed" in shown
    assert "tiny on cpu" in shown
