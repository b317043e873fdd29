"""What can be seen in a text without reading its words: length, lines, digits, code signs."""

from __future__ import annotations

import math

SIGNS: tuple[str, ...] = (
    "length",
    "lines",
    "digits",
    "question mark",
    "code fence",
    "code signs",
    "quoted text",
    "colon",
    "formula",
    "lettered options",
    "ends with a question",
    "exclamation",
    "very short",
)


def read_signs(text: str, words: int) -> list[float]:
    """One number, 0 to about 1, for each of SIGNS; `words` is how many words the text has."""
    lines = text.count("\n")
    code = text.count("(") + text.count("{") + text.count(";") + text.count("_") - text.count(", (")
    formula = (
        text.count("=") + text.count("+") + text.count("^") + text.count("$") + text.count("%")
    )
    digits = text.count("0") + text.count("1") + text.count("2") + text.count("5")
    tail = text[-3:]
    return [
        math.log1p(len(text)) * 0.125,
        min(lines, 8) * 0.125,
        min(digits, 8) * 0.125,
        1.0 if "?" in text else 0.0,
        1.0 if "```" in text else 0.0,
        min(code, 8) * 0.125 if code > 0 else 0.0,
        1.0 if '"' in text or "\u00ab" in text else 0.0,
        1.0 if ":" in text else 0.0,
        min(formula, 6) / 6.0,
        1.0 if "B." in text or "B)" in text else 0.0,
        1.0 if "?" in tail else 0.0,
        1.0 if "!" in text else 0.0,
        1.0 if words <= 4 else 0.0,
    ]


def name_signs(signs: list[float]) -> tuple[str, ...]:
    """The readable names of the signs that are plainly there (length aside)."""
    return tuple(name for name, value in zip(SIGNS[1:], signs[1:], strict=True) if value >= 0.5)
