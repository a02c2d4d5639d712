"""The version of the project's code that ran: the commit where there is one, else the release.

>>> code_version()  # doctest: +SKIP
'4f1c2d9e0a7b'
"""

import os
import subprocess
from functools import cache

from rapport import __version__
from rapport.paths import project_root


@cache
def code_version() -> str:
    """`RAPPORT_CODE_VERSION`, else the commit of the project's folder, else the release."""
    if version := os.environ.get("RAPPORT_CODE_VERSION"):
        return version
    try:
        answer = subprocess.run(
            ["git", "-C", str(project_root()), "rev-parse", "--short=12", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return __version__
    return answer.stdout.strip() or __version__
