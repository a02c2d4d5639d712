"""The keys that a first load has landed so far, stored in eight bytes per key.

>>> landed = LandedKeys()
>>> landed.add([b"a", b"b"]), landed.add([b"c"]), landed.add([b"b"])
(True, True, False)
"""

from collections.abc import Sequence

import numpy as np
import xxhash

MAX_KEYS = 5_000_000


class LandedKeys:
    """Sorted 64-bit hashes of keys. A collision only ends the bulk load earlier than needed."""

    def __init__(self) -> None:
        self._old = np.empty(0, dtype=np.uint64)
        self._new: list[np.ndarray] = []

    def add(self, keys: Sequence[bytes]) -> bool:
        """Add distinct keys; returns False if one may have landed before or there are too many."""
        hashes = np.array(list(map(xxhash.xxh3_64_intdigest, keys)), dtype=np.uint64)
        hashes.sort()
        if any(_overlap(hashes, known) for known in (self._old, *self._new)):
            return False
        self._new.append(hashes)
        recent = sum(map(len, self._new))
        if len(self._old) + recent > MAX_KEYS:
            return False
        if recent > len(self._old) // 4:
            self._old = np.concatenate([self._old, *self._new])
            self._old.sort(kind="stable")  # which is fast where parts are in order already
            self._new = []
        return True


def _overlap(some: np.ndarray, sorted_others: np.ndarray) -> bool:
    if not len(some) or not len(sorted_others):
        return False
    places = np.searchsorted(sorted_others, some)
    places[places == len(sorted_others)] = 0
    return bool((sorted_others[places] == some).any())
