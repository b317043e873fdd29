"""Where an answer's words come from, in OpenAI's form: url_citation annotations.

A citation of a document that has no address keeps its title and quotation under the same form.
Positions in the text are not known while it streams, and are zero.
"""

from __future__ import annotations

from typing import Any

from proxy.chat import Event, Extra, Json

SOURCES = ("citations", "search_results")  # Perplexity's, beside the choices


def annotation(citation: Any) -> Json | None:
    """Anthropic's citation as an annotation; None for what is none."""
    if type(citation) is not dict:
        return None
    url = citation.get("url") or citation.get("source") or ""
    title = citation.get("title") or citation.get("document_title") or ""
    told: Json = {"url": str(url), "title": str(title), "start_index": 0, "end_index": 0}
    if citation.get("cited_text"):
        told["cited_text"] = str(citation["cited_text"])
    return {"type": "url_citation", "url_citation": told}


def notes_of(citations: Any) -> list[Json]:
    """The annotations among a provider's citations, which may be one or many."""
    given = citations if isinstance(citations, list) else [citations]
    return [note for one in given if (note := annotation(one)) is not None]


def citation(note: Any) -> Json | None:
    """An annotation as Anthropic tells it; None for what is no citation of an address."""
    told = note.get("url_citation") if isinstance(note, dict) else None
    if not isinstance(told, dict) or not told.get("url"):
        return None
    return {
        "type": "web_search_result_location",
        "url": str(told["url"]),
        "title": str(told.get("title") or ""),
        "cited_text": str(told.get("cited_text") or ""),
        "encrypted_index": "",
    }


def read_sources(body: Json, events: list[Event]) -> None:
    """Sources that are told beside the choices: as they are, and as annotations."""
    found = [(name, body[name]) for name in SOURCES if isinstance(body.get(name), list)]
    events.extend(Extra(name, value) for name, value in found)
    addresses = _addresses(dict(found))
    notes = notes_of([{"url": url, "title": title} for url, title in addresses])
    if notes:
        events.append(Extra("annotations", notes))


def _addresses(sources: Json) -> list[tuple[str, str]]:
    results = [one for one in sources.get("search_results") or () if isinstance(one, dict)]
    if results:
        return [(str(one.get("url") or ""), str(one.get("title") or "")) for one in results]
    return [(one, one) for one in sources.get("citations") or () if isinstance(one, str)]
