"""One process at a time, by a lock on a file; it is let go however the process ends.

>>> with held(Path("/tmp/example.lock")):
...     pass
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Wait for the lock and hold it; a child that inherits the descriptor keeps it too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
