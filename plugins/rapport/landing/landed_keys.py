"""Which keys a first load has landed so far, in eight bytes a key.

>>> seen = SeenKeys()
>>> seen.add([b"a", b"b"]), seen.add([b"c"]), seen.add([b"b"])
(True, True, False)
"""

from collections.abc import Sequence

import numpy as np
import xxhash

MOST_KEYS = 5_000_000


class SeenKeys:
    """Hashes of keys, sorted; two keys with one hash count as one, which costs time only."""

    def __init__(self) -> None:
        self._old = np.empty(0, dtype=np.uint64)
        self._new: list[np.ndarray] = []

    def add(self, keys: Sequence[bytes]) -> bool:
        """Remember keys that differ from each other; False where one may have been here before."""
        hashes = np.array(list(map(xxhash.xxh3_64_intdigest, keys)), dtype=np.uint64)
        hashes.sort()
        if any(_overlap(hashes, seen) for seen in (self._old, *self._new)):
            return False
        self._new.append(hashes)
        recent = sum(map(len, self._new))
        if len(self._old) + recent > MOST_KEYS:
            return False
        if recent > len(self._old) // 4:
            self._old = np.concatenate([self._old, *self._new])
            self._old.sort()
            self._new = []
        return True


def _overlap(some: np.ndarray, sorted_others: np.ndarray) -> bool:
    if not len(some) or not len(sorted_others):
        return False
    places = np.searchsorted(sorted_others, some)
    places[places == len(sorted_others)] = 0
    return bool((sorted_others[places] == some).any())
