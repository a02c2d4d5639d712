"""The entry point of the server process, which `lifecycle.ensure_running` starts."""

import sys
from pathlib import Path

from rapport_sandbox.server import serve

serve(Path(sys.argv[1]), sys.argv[2])
