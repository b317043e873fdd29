"""From a TOML text to errors that name their place: the line of every key, and words for each
mistake. Knows no setting: the schema is an argument."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

Path = tuple[str | int, ...]
Stamp = tuple[int, int, int] | None
MAX_SHOWN = 20  # characters of a wrong value in an error; a key that went astray is longer


class ConfigError(Exception):
    """The configuration cannot be used. errors: one line each, with its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


def stamp(path: str | os.PathLike[str]) -> Stamp:
    """What changes when a file is written or replaced: inode, nanoseconds and bytes."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of one file stands. lines: the line of a table's header or of a key.
    variables: of what is not in the file, the environment's variable that says it."""

    source: str
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    variables: Mapping[Path, str] = field(default_factory=dict, repr=False)

    def at(self, *path: str | int) -> str:
        """file:line: [[route]] 2 "chat": first_token_ms"""
        if path in self.variables:
            where = f"{self.variables[path]} in the environment"
            return ": ".join([where, *self._words(path)])
        line = self.line(*path)
        where = self.source if line is None else f"{self.source}:{line}"
        return ": ".join([where, *self._words(path)])

    def line(self, *path: str | int) -> int | None:
        """The line of a setting, else of the table that it is missing from."""
        if len(path) == 1 and path not in self.lines:
            path = (*path, 0)
        return next((self.lines[p] for p in _prefixes(path) if p in self.lines), None)

    def _words(self, path: Path) -> list[str]:
        """The header as it stands in the file, then the key inside it."""
        if not path:
            return []
        taken = 2 if len(path) > 2 and isinstance(path[2], int) else 1
        header = ".".join(_plain(str(step)) for step in path[:taken])
        here = self._value(path[:taken])
        if len(path) == taken or not isinstance(path[taken], int):
            header = f"[{header}]"
        else:
            row = _inside(here, path[taken])
            name = row.get("name") if isinstance(row, dict) else None
            header = f"[[{header}]] {int(path[taken]) + 1}"
            header += f' "{_plain(name)}"' if isinstance(name, str) else ""
            taken += 1
        key = ""
        for step in path[taken:]:
            key += f" {step + 1}" if isinstance(step, int) else f".{_plain(step)}"
        return [header, key.lstrip(".")] if key else [header]

    def _value(self, path: Path) -> Any:
        here: Any = self.raw
        for step in path:
            here = _inside(here, step)
        return here


def _plain(word: str) -> str:
    """A file's word on one line and of bounded length."""
    shown = word if word.isprintable() else ascii(word)[1:-1]
    return shown if len(shown) <= 100 else f"{shown[:97]}..."


def _prefixes(path: Path) -> list[Path]:
    return [path[:end] for end in range(len(path), 0, -1)]


def _inside(here: Any, step: str | int) -> Any:
    try:
        return here[step]
    except (KeyError, IndexError, TypeError):
        return None


def read(text: str, source: str) -> Places:
    """The parsed text, and where everything stands in it. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        found = re.search(r" \(at line (\d+), column (\d+)\)$", words)
        words = words[: found.start()] if found else words
        where = f"{source}:{found[1]}" if found else source
        words = words[:1].lower() + words[1:]
    except RecursionError:
        where, words = source, "nested too deeply"
    except ValueError:  # from int(): 4,301 digits
        where, words = source, "a number is too long"
    else:
        return Places(source, raw, line_numbers(text))
    raise ConfigError([f"{where}: is not valid TOML: {words}"])


_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?")
_SETTING = re.compile(rf"\s*({_DOTTED})\s*=")
_TOKEN = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"{3,5}'
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'" + r"|#[^\n]*|[\[\]{}]|\n"
)


def line_numbers(text: str) -> dict[Path, int]:
    """The line of each header and key of a valid TOML text; inline tables are one line."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            table = _resolved(_steps(header[2]), counts, opens=header[1] == "[[")
            found.setdefault(table, number)
        elif setting := _SETTING.match(line):
            path = table + tuple(_steps(setting[1]))
            found.setdefault(path, number)
            if path[:-1] not in found and len(path) > 1:
                found[path[:-1]] = number
    return found


def _statements(text: str) -> list[tuple[int, str]]:
    """(line number, first line) of each statement: a value may go on over several lines."""
    starts: list[int] = [0]
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "\n" and depth <= 0:
            starts.append(token.end())
    statements = []
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        statements.append((line, text[start:end].split("\n", 1)[0]))
        line += text.count("\n", start, end)
    return statements


def _steps(dotted: str) -> list[str]:
    return [key.strip("\"'") for key in re.findall(_KEY, dotted)]


def _resolved(steps: Sequence[str], counts: dict[Path, int], *, opens: bool) -> Path:
    """A header's path with the number of each array's current table."""
    path: Path = ()
    for place, step in enumerate(steps):
        path = (*path, step)
        last = place == len(steps) - 1
        if opens and last:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


# ---- words --------------------------------------------------------------------------------------

_TYPES = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "list_type": 'must be a list, such as ["one", "two"]',
    "dict_type": "must be a table of keys and values",
    "model_type": "must be a table",
    "missing": "is missing",
    "too_short": "needs at least one entry",
}
_PATTERNS = {  # of the settings that must look like something
    "device": '"auto", "cpu" or one GPU, such as "cuda:0"',
    "currency": 'a code of three capitals, such as "USD"',
    "api_version": "letters, digits, dots and dashes",
    "region": "small letters, digits and dashes",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def all_told(
    errors: Sequence[Mapping[str, Any]], places: Places, schema: type[BaseModel]
) -> list[str]:
    """Pydantic's errors as lines, in the order of the file."""
    found = sorted(errors, key=lambda one: places.line(*_path(one)) or 0)
    return list(dict.fromkeys(told(one, places, schema) for one in found))


def told(error: Mapping[str, Any], places: Places, schema: type[BaseModel]) -> str:
    """One line for one of pydantic's errors: file, place, what is wrong, what was perhaps meant."""
    return f"{places.at(*_path(error))}: {in_words(error, schema)}"


def _path(error: Mapping[str, Any]) -> Path:
    return tuple(step for step in error["loc"] if step not in TAGS)


TAGS = frozenset(("a text", "a table"))  # of unions, which pydantic writes into its paths


def in_words(error: Mapping[str, Any], schema: type[BaseModel]) -> str:
    """What is wrong, by one of pydantic's errors."""
    path = _path(error)
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path, schema)
    if kind == "value_error":
        return str(context.get("error", "is not valid"))
    if kind == "list_type" and len(path) == 1:
        return f"there can be several of these: write [[{path[0]}]]"
    if kind == "model_type" and len(path) == 1 and isinstance(error["input"], list):
        return f"there is only one of these: write [{path[0]}]"
    if kind == "literal_error":
        return _choice(error)
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"must be {word} {_number(context[bound])}{_shown(error['input'])}"
    if kind in _TYPES:
        return _TYPES[kind] + ("" if kind in ("missing", "too_short") else _shown(error["input"]))
    if kind == "string_pattern_mismatch":
        return f"must be {_PATTERNS[str(path[-1])]}{_shown(error['input'])}"
    return str(error["msg"])


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 64):
        return f", not {value}"
    if isinstance(value, str) and len(value) <= MAX_SHOWN and value.isprintable():
        return f', not "{value}"'
    return ""


def _choice(error: Mapping[str, Any]) -> str:
    choices = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
    shown = ", ".join(f'"{one}"' for one in choices)
    words = f"must be one of {shown}" if len(choices) > 1 else f"must be {shown}"
    return words + _shown(error["input"]) + meant(error["input"], choices)


def meant(name: object, known: Sequence[str]) -> str:
    """A question after an error, where one of the known names is close."""
    close = difflib.get_close_matches(str(name)[:100], known, 1, 0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def _unknown(path: Path, schema: type[BaseModel]) -> str:
    table = _table_at(path[:-1], schema)
    if table is None:
        return "unknown key"
    advice: Mapping[str, str] = getattr(table, "ADVICE", {})
    if (words := advice.get(str(path[-1]))) is not None:
        return f"unknown key; {words}"
    known = [one.alias or name for name, one in table.model_fields.items()]
    hint = meant(path[-1], known)
    if not hint and len(known) <= 16:
        hint = f" (there are: {', '.join(known)})"
    return f"unknown {'table' if len(path) == 1 else 'key'}{hint}"


def _table_at(path: Path, schema: type[BaseModel]) -> type[BaseModel] | None:
    """The schema's table at this path of a file."""
    table: type[BaseModel] | None = schema
    for step in path:
        if isinstance(step, int) or table is None:
            continue
        fields = {one.alias or name: one.annotation for name, one in table.model_fields.items()}
        table = _table(fields.get(step))
    return table


def _table(annotation: Any) -> type[BaseModel] | None:
    """The table inside an annotation such as list[str | Table]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _table(inner)) is not None:
            return found
    return None
