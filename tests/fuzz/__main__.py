"""Long runs by hand: python -m tests.fuzz [--count N] [--seed S] [TARGET ...]

Each input is a seed with a few places changed, by a generator that depends on the seed and the
input's number only; what fails is printed with both, and with its bytes.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from random import Random

from tests.fuzz.targets import TARGETS, Target


def mutate(data: bytes, words: tuple[bytes, ...], rand: Random) -> bytes:
    """Up to eight changes: bytes put in, left out, doubled, overwritten, or words of the format."""
    found = bytearray(data)
    for _ in range(rand.randrange(9)):
        at = rand.randrange(len(found) + 1)
        match rand.randrange(6):
            case 0 if words:
                found[at:at] = rand.choice(words)
            case 1:
                del found[at : at + rand.randrange(1, 16)]
            case 2:
                found[at:at] = found[at : at + rand.randrange(1, 32)]
            case 3 if at < len(found):
                found[at] = rand.randrange(256)
            case 4 if at < len(found):
                found[at] ^= 1 << rand.randrange(8)
            case _:
                found[at:at] = rand.randbytes(rand.randrange(1, 5))
    return bytes(found)


def input_of(target: Target, seed: int, number: int) -> bytes:
    """The input of this number."""
    rand = Random(seed << 40 | number)
    return mutate(rand.choice(target.seeds), target.words, rand)


def run(name: str, count: int, seed: int) -> int:
    """How many of so many inputs failed."""
    target, failed = TARGETS[name], 0
    began = time.perf_counter()
    for number in range(count):
        data = input_of(target, seed, number)
        try:
            target.run(data)
        except Exception:  # noqa: BLE001 - that is what is looked for
            failed += 1
            print(f"{name}: seed {seed}, input {number}: {data!r}\n{traceback.format_exc()}")
            if failed >= 10:
                break
    took = time.perf_counter() - began
    rate = count / took if took else 0.0
    print(f"{name}: {count} inputs, {failed} failed, {took:.0f} s, {rate:.0f}/s", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=[], choices=[[], *TARGETS])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    names = asked.targets or list(TARGETS)
    return 1 if sum(run(name, asked.count, asked.seed) for name in names) else 0


if __name__ == "__main__":
    sys.exit(main())
