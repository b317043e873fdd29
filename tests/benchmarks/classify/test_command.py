"""`bench classify`: it runs without data and without rivals, and says what it left out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest

from benchmarks.classify import embedder, quality
from benchmarks.classify.command import markdown
from benchmarks.classify.subjects import Absent, Embedding, Keywords, Ours
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


SETS = {
    "sts_dev.jsonl": [
        {"lang": lang, "a": f"the cat sits {n}", "b": f"{word} cat sits {n}", "score": score}
        for lang in ("en", "fr")
        for n in range(12)
        for word, score in (("the", 5.0), ("no", 1.0))
    ],
    "usecase_dev.jsonl": [
        {"prompt": prompt, "category": category, "source": source}
        for source in ("own", "wild")
        for prompt, category in (
            ("Write a haiku about rain", "creative"),
            ("Fix this Python function", "code"),
            ("Which city is the capital of France?", "qa"),
        )
    ],
    "routing_dev.jsonl": [
        {"prompt": f"prove lemma {n}" if n % 2 else f"say hello {n}", "weak_ok": not n % 2,
         "strong_ok": True, "set": name}
        for name in ("gsm", "mmlu")
        for n in range(60)
    ],
    "intents_dev.jsonl": INTENTS,
}  # fmt: skip


def test_everything_is_scored_where_there_are_rows(tmp_path, capsys, monkeypatch) -> None:
    for name, rows in SETS.items():
        (tmp_path / name).write_bytes(b"\n".join(map(orjson.dumps, rows)))
    monkeypatch.setattr("benchmarks.classify.command.minilm", lambda _: Embedding("m", letters))
    out = tmp_path / "out.json"
    words = ["bench", "classify", "--data", str(tmp_path), "--rounds", "1", "--rows", "40"]
    assert main([*words, "--no-embedder", "--rivals", "keywords", "minilm", "model2vec",
                 "--json", str(out)]) == 0  # fmt: skip
    figures = orjson.loads(out.read_bytes())["figures"]
    ours, rival, words = (figures[name] for name in ("firsttoken", "minilm", "keywords"))
    assert ours["case_all"]["value"] == 1.0
    assert ours["sts_en"]["value"] > 0.5
    assert {"sts_fr", "case_external", "own_10x8"} <= rival.keys()
    assert {"apgr_gsm", "apgr_mmlu"} <= ours.keys()
    assert "apgr_gsm" not in rival, "vectors say nothing of complexity"
    assert words.keys() & {"sts_en", "own_10x8"} == set(), "keywords have no vectors"
    assert "apgr_gsm" in figures["length alone"]
    assert "model2vec skipped: no model" in capsys.readouterr().out


@pytest.mark.loopback
@pytest.mark.slow
def test_an_embedder_is_measured_over_its_socket(tmp_path) -> None:
    path = str(tmp_path / "e.sock")
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen([sys.executable, "-m", "tests.embeddings.tiny", path], cwd=root)
    try:
        figures, device = asyncio.run(embedder._measured(path, process))
    finally:
        process.terminate()
        process.wait(10)
    assert device.startswith("tiny on")
    assert figures["near_entries"] == embedder.CPU_ENTRIES
    assert 0 < figures["single_p50_us"] <= figures["single_p99_us"]
    assert figures["per_second"] > 0


def test_an_embedder_that_does_not_start_is_told() -> None:
    with pytest.raises(Absent, match=r"did not start; its last word: .*no-such-model"):
        embedder.measure("/no-such-model", "cpu")
