import numpy as np
from numpy.typing import NDArray

class Gather:
    def __init__(
        self,
        *,
        index: dict[bytes, int],
        pairs: dict[bytes, dict[bytes, int]],
        rows: NDArray[np.int8],
        scales: NDArray[np.float32],
        hints: NDArray[np.float16],
        pair_hints: NDArray[np.float32],
        weights: NDArray[np.float32],
        sizes: tuple[int, int],
        ends: tuple[int, int, int],
    ) -> None: ...
    def read(
        self, words: list[bytes], signs: bytes, vector: NDArray[np.float32], /
    ) -> tuple[int, int, float, float]: ...
