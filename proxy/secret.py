"""Secrets: values that never show themselves, and how a configuration names them.

In a file a secret is "env:NAME" or "file:PATH", never the value. A file's relative path is looked
for in systemd's credentials directory first, then beside the configuration file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

MAX_BYTES = 64 * 1024  # of a secret's file: a service account's JSON is 3 kB
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOW = 'write "env:NAME" or "file:PATH", never the value itself'


class Secret:
    """A value that never shows itself: not in repr, str, format, pickle or a dump.

    Two secrets are equal when their values are, so that a reload sees what changed.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value, for the one place that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied out of its process")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def resolve(value: object, environ: Mapping[str, str], folder: Path = Path()) -> Secret:
    """The secret that a reference stands for. folder: where relative files are.

    Raises ValueError in words that never hold the value.
    """
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes: {_HOW}")  # noqa: TRY004 - pydantic's protocol
    scheme, _, rest = value.partition(":")
    if scheme == "env":
        return Secret(checked(_variable(rest, environ), f"the environment variable {rest}"))
    if scheme == "file" and rest:
        return Secret(checked(_content(rest, environ, folder), f"the file {rest}"))
    raise ValueError(f"must not be a secret in plain text: {_HOW}")


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError('must be "env:NAME", with the name of an environment variable')
    if name not in environ:
        raise ValueError(f"the environment variable {name} is not set, and not in .env either")
    return environ[name]


def _content(path: str, environ: Mapping[str, str], folder: Path) -> str:
    found = folder / path
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / path).is_file():
        found = Path(credentials) / path
    try:
        with found.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"the file {path} is too large for a secret")
        return data.decode("utf-8")
    except OSError as error:
        raise ValueError(f"cannot read the file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        pass
    raise ValueError(f"the file {path} is not UTF-8 text")


def checked(value: str, what: str) -> str:
    """The value without the space around it. Raises ValueError for what cannot be a key."""
    value = value.strip()
    if not value:
        raise ValueError(f"{what} is empty")
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"{what} holds characters that no key has (a line break?)")
    return value


def _secret(value: object, info: ValidationInfo) -> Secret:
    context = info.context or {}
    return resolve(value, context.get("environ", {}), context.get("folder", Path()))


def _url(value: object, info: ValidationInfo) -> Secret:
    if isinstance(value, str) and "://" in value:
        if "@" in value:  # anywhere: a password with a # or / in it ends no URL's host
            raise ValueError(f"must not hold a password in plain text: {_HOW} of the whole URL")
        return Secret(value)
    if isinstance(value, str) and not value.startswith(("env:", "file:")):
        raise ValueError('must be a URL, or "env:NAME" or "file:PATH" where it holds a password')
    return _secret(value, info)


def _header(value: object, info: ValidationInfo) -> str | Secret:
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        return _secret(value, info)
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("must be text on one line")
    return value


def hidden(value: Any) -> Any:
    """What a dump shows of a secret: that it is set."""
    return "(set)" if isinstance(value, Secret) else value


_HIDE = PlainSerializer(hidden)
SecretValue = Annotated[Secret, PlainValidator(_secret), _HIDE]
SecretUrl = Annotated[Secret, PlainValidator(_url), _HIDE]  # plain where it holds no password
HeaderValue = Annotated[str | Secret, PlainValidator(_header), _HIDE]
