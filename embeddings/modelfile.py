"""The model file: a header and named arrays in one file that workers map and share.

Layout: MAGIC, the header's length (8 bytes, little endian), the header (JSON), then each array at
an offset divisible by 64. The file's SHA-256 stands beside it, as `NAME.sha256`.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

MAGIC = b"FTWORDS1"
SHIPPED = Path(__file__).parent / "model" / "words.ftm"
_ALIGN = 64
_CHUNK_BYTES = 1 << 20


class BadModelFile(Exception):
    """The file is missing, damaged or of another format; the message says which."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model file holds: free-form facts and read-only arrays."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    sha256: str


def read_model(path: Path) -> ModelFile:
    """Map a model file after checking its digest. Raises BadModelFile.

    Pages are read from the map only as words are looked up, so a process holds what it uses.
    """
    try:
        expected = path.with_suffix(path.suffix + ".sha256").read_text().split()[0]
        found = hash_file(path)
        if found != expected:
            raise BadModelFile(f"{path}: its SHA-256 is {found[:12]}..., not {expected[:12]}...")
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _parse(data, found)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise BadModelFile(f"{path}: {error}") from error


def write_model(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write a model file and its digest; the digest comes back. The same input, the same bytes."""
    layout: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, array in arrays.items():
        layout[name] = {"offset": offset, "shape": array.shape, "dtype": array.dtype.str}
        offset += -(-array.nbytes // _ALIGN) * _ALIGN
    header = orjson.dumps({"facts": facts, "arrays": layout}, option=orjson.OPT_SORT_KEYS)
    start = -(-(len(MAGIC) + 8 + len(header)) // _ALIGN) * _ALIGN
    with path.open("wb") as file:
        file.write(MAGIC + len(header).to_bytes(8, "little") + header)
        for name, array in arrays.items():
            file.seek(start + layout[name]["offset"])
            file.write(np.ascontiguousarray(array).tobytes())
        file.truncate(start + offset)
    digest = hash_file(path)
    path.with_suffix(path.suffix + ".sha256").write_text(f"{digest}  {path.name}\n")
    return digest


def hash_file(path: Path) -> str:
    """SHA-256 in hex, read in pieces so that no page of the file stays in the process."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _parse(data: mmap.mmap, digest: str) -> ModelFile:
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("not a word table (wrong magic)")
    begin = len(MAGIC) + 8
    size = int.from_bytes(data[len(MAGIC) : begin], "little")
    header = orjson.loads(data[begin : begin + size])
    start = -(-(begin + size) // _ALIGN) * _ALIGN
    arrays: dict[str, NDArray[Any]] = {}
    for name, row in header["arrays"].items():
        shape = tuple(row["shape"])
        dtype = np.dtype(row["dtype"])
        count = int(np.prod(shape))
        flat = np.frombuffer(data, dtype=dtype, count=count, offset=start + row["offset"])
        arrays[name] = flat.reshape(shape)
    return ModelFile(facts=header["facts"], arrays=arrays, sha256=digest)
