"""Samples of a gateway become stages."""

from collections import Counter

from benchmarks.overhead import profile

STACKS = """\
<module> (proxy/__main__.py:1);run (asyncio/runners.py:2);_serve (proxy/pipeline.py:9) 3
<module> (proxy/__main__.py:1);run (asyncio/runners.py:2);_serve (proxy/pipeline.py:9);find \
(proxy/cache/semantic.py:5);search (faiss/__init__.py:1) 2
run (asyncio/runners.py:2);classify (proxy/pipeline.py:9);read (embeddings/classifier.py:5);dumps \
(somewhere/else.py:1) 4
run (asyncio/runners.py:2) 1
run (threading.py:2);write (proxy/ledger/store.py:5) 50
"""


def test_the_innermost_known_file_decides():
    found = profile.stages(STACKS.splitlines())
    assert found == Counter(
        {"plan and race": 3, "semantic cache": 2, "classification": 4, "event loop": 1}
    )
    rows = profile.table("firsttoken", found).splitlines()
    assert rows[2] == "| classification | 40% |"
