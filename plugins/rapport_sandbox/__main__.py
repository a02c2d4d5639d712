"""The server's process, started by `ensure_running`."""

import sys
from pathlib import Path

from rapport_sandbox.server import serve

serve(Path(sys.argv[1]), sys.argv[2])
