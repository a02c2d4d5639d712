"""The server's process, started by `ensure_running`."""

import sys
from pathlib import Path

from rapport.sandbox.server import serve

serve(Path(sys.argv[1]), sys.argv[2], *sys.argv[3:4], *map(int, sys.argv[4:5]))
