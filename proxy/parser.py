"""A command line that says in one line what is wrong with it."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Names the option or command that was probably meant; its subcommands' parsers do likewise."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = sys.argv[1:] if args is None else args
        if self._subparsers is None:  # else the words may be a subcommand's
            self._refuse_unknown(words)
        found, rest = super().parse_known_args(words, namespace)
        if rest:
            self.error(f"unknown: {' '.join(rest)}{_meant(rest[0], self._options())}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        sys.exit(2)

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Before anything that is missing: it may be missing because it is misspelt."""
        known = self._options()
        for word in words:
            if word == "--":
                break
            name = word.partition("=")[0]
            if name.startswith("--") and not any(one.startswith(name) for one in known):
                self.error(f"unknown: {name}{_meant(name, known)}")

    def _options(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings]

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices = None if action.choices is None else [str(one) for one in action.choices]
        if choices is not None and value not in choices:
            named = "/".join(action.option_strings) or str(action.metavar or action.dest)
            near = _meant(str(value), choices) or f" (one of {', '.join(choices)})"
            raise argparse.ArgumentError(None, f"{named}: there is no {str(value)!r}{near}")


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f" (did you mean {near[0]}?)" if near else ""
