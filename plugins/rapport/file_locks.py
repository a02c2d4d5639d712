"""A lock on a file that one process holds at a time. It is released however the process ends.

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
    """Wait for the lock and hold it. A child process that inherits the descriptor holds it too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
