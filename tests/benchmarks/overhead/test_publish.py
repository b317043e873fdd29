"""A run as tables, as a picture, and in the README."""

from xml.etree import ElementTree

import orjson
import pytest

from benchmarks.overhead import publish, results


def data(**changes):
    summary = {
        "direct": {"c1_p50_ms": 0.1},
        "firsttoken": {"cpu_us_per_request": 44.0, "added_c1_p50_ms": 0.3, "crowd_lost": 0.0},
        "nginx": {"cpu_us_per_request": 15.0, "idle_mb": 6.0},
        "litellm": {"cpu_us_per_request": 9000.0},
    }
    return {
        "when": "2026-01-02T03:04:05+00:00",
        "machine": {"cpu": "CPU", "cores": 2, "kernel": "Linux"},
        "python": "3.11",
        "floor": "nginx",
        "whole": True,
        "versions": {"nginx": "1.22"},
        "skipped": {"envoy": "envoy is not installed"},
        "summary": summary,
        "ratios": results.ratios(summary, "nginx"),
        "rounds": [{}],
        **changes,
    }


def test_gateways_stand_in_the_order_of_their_cost():
    rows = publish.rivals(data()).splitlines()
    assert rows[0].startswith("| | CPU µs a request | added p50 ms, c=1 | idle MB |")
    names = [row.split("|")[1].strip() for row in rows[2:]]
    assert names == ["nginx", "**firsttoken**", "litellm"]
    assert "44.0 (2.93x)" in rows[3]
    assert "| 15.0 |" in rows[2]


def test_goals_are_reached_or_missed():
    rows = publish.goals(data())
    assert "| 44 µs | at most 45 µs |" in rows
    assert "| 0.3 ms | at most 0.15 ms: missed |" in rows
    assert "| 1/205 | at most 1/200 |" in rows
    assert "| 0 | at most 0 |" in rows
    assert "TLS" not in rows  # was not measured
    assert publish.goals(data(whole=False)) == ""
    assert publish.goals(data(summary={"nginx": {"idle_mb": 6.0}})) == ""


def test_what_disturbs_is_told():
    said = publish.markdown(data())
    assert "envoy skipped: envoy is not installed" in said
    assert "Other work" not in said
    loud = data()
    loud["summary"]["nginx"] |= {"others_share": 0.4, "paced_client_share": 0.8}
    said = publish.markdown(loud)
    assert "Other work took up to 40%" in said
    assert "The load took up to 80%" in said


def test_the_picture_is_a_document():
    root = ElementTree.fromstring(publish.picture(data()))
    assert root.tag.endswith("svg")
    texts = ["".join(one.itertext()) for one in root.iter() if one.tag.endswith("text")]
    assert "litellm" in texts
    assert "9,000 µs" in texts


def test_the_readme_gets_its_table(tmp_path):
    (tmp_path / publish.RESULTS).mkdir(parents=True)
    readme = tmp_path / "README.md"
    readme.write_text("nothing to replace")
    with pytest.raises(ValueError, match="lacks"):
        publish.publish(data(), tmp_path)
    readme.write_text(f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter\n")
    publish.publish(data(), tmp_path)
    publish.publish(data(), tmp_path)
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert text.count("**firsttoken**") == 1 and "old" not in text
    saved = orjson.loads((tmp_path / publish.RESULTS / "overhead.json").read_bytes())
    assert saved == data()


def test_the_words_about_it():
    said = publish.about(data(versions={"nginx": "nginx version: nginx/1.22", "firsttoken": "x"}))
    assert said.startswith("2026-01-02, CPU, 2 cores, Linux, Python 3.11; 1 round, ")
    assert said.endswith("`; nginx 1.22.\n")
