"""What can be seen in a text without reading its words: length, lines, digits, code signs."""

from __future__ import annotations

LENGTHS = 12
"""The first signs are lengths, by powers of two; every text shows just one of them."""
_COUNTED = ("lines", "code signs", "digits", "formula signs")
_SEEN = (
    "question mark",
    "ends with a question",
    "code fence",
    "quoted text",
    "colon",
    "lettered options",
    "exclamation",
    "indented code",
    "text after a blank line",
)

SIGNS: tuple[str, ...] = (
    *(f"about {2**size} characters" for size in range(LENGTHS)),
    *(f"{amount} {name}" for name in _COUNTED for amount in ("a few", "some", "many")),
    *_SEEN,
)
_LINES, _CODE, _DIGITS, _FORMULA = (LENGTHS + 3 * place for place in range(len(_COUNTED)))
_FIRST_SEEN = LENGTHS + 3 * len(_COUNTED)
_LAYOUT = tuple(_FIRST_SEEN + place for place in (2, 5, 7, 8))  # by the bits of read_layout


# All signs but the layout, seen on the few bytes of a text that are one of them.
_KEPT = b'\n({;_0125=+$%?":!'
_PLAIN = bytes(set(range(256)) - set(_KEPT))
_ALIKE = bytes.maketrans(b"({;_0125=+$%", b"((((1111====")


def show_signs(text: str) -> bytes:
    """The signs alone, those that are counted together as one: "f(1)?" is "(1?"."""
    return text.encode("utf-8", "replace").translate(_ALIKE, _PLAIN)


def show_ascii(raw: bytes) -> bytes:
    """The same of an ASCII text's bytes."""
    return raw.translate(_ALIKE, _PLAIN)


def read_signs(text: str) -> list[int]:
    """The places in SIGNS of those that the text shows; the first is its length."""
    found = [min(len(text).bit_length(), LENGTHS - 1)]
    shown = show_signs(text)
    if shown:
        count = shown.count
        if lines := count(b"\n"):
            found.append(_LINES + (lines > 1) + (lines > 4))
            layout = read_layout(text)
            found += [place for bit, place in enumerate(_LAYOUT) if layout >> bit & 1]
        if code := count(b"("):
            found.append(_CODE + (code > 2) + (code > 6))
        if digits := count(b"1"):
            found.append(_DIGITS + (digits > 2) + (digits > 6))
        if formula := count(b"="):
            found.append(_FORMULA + (formula > 1) + (formula > 3))
        if b"?" in shown:
            found.append(_FIRST_SEEN + ("?" in text[-3:]))
    if b'"' in shown or "\u00ab" in text:
        found.append(_FIRST_SEEN + 3)
    if b":" in shown:
        found.append(_FIRST_SEEN + 4)
    if b"!" in shown:
        found.append(_FIRST_SEEN + 6)
    return found


def read_layout(text: str) -> int:
    """A bit for each of what lines can show: fence, options, indented code, a blank line."""
    return (
        ("```" in text)
        | ("\nB." in text or "\nB)" in text) << 1
        | ("\n    " in text or "\n\t" in text) << 2
        | ("\n\n" in text) << 3
    )


def name_signs(found: list[int]) -> tuple[str, ...]:
    """The readable names of signs, the length aside."""
    return tuple(SIGNS[place] for place in found[1:])
