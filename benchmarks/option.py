"""How a benchmark tells the command line of itself: a row of words, its options, and its code."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Any]  # of whatever kind of parser


@dataclass(frozen=True, slots=True)
class Command:
    """One command. help is its line in a list; example stands below its options; options adds
    these to a parser; code is the "module:function" that gets what they say and returns the exit
    status: imported only when it runs, since numpy is for who measures."""

    name: str
    help: str
    description: str
    example: str
    options: Callable[[argparse.ArgumentParser], None]
    code: str

    def add(self, subparsers: Subparsers) -> None:
        """Let the command line know it."""
        parser = subparsers.add_parser(
            self.name,
            help=self.help,
            description=self.description,
            epilog=self.example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.options(parser)
        parser.set_defaults(func=self.run)

    def run(self, args: argparse.Namespace) -> int:
        """Its exit status."""
        module, _, function = self.code.partition(":")
        return int(getattr(import_module(module), function)(args))
