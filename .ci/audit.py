"""Asks the advisory database about every package of requirements.lock.

First about one that is known to be vulnerable: a database that does not name it is not the one that
is meant, or cannot be reached from here. Then nothing is audited, and that is said.

python .ci/audit.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
# CVE-2019-10906, a way out of Jinja's sandbox.
KNOWN = "jinja2==2.10\n"


def ask(requirements: Path) -> list[dict[str, object]]:
    """What pip-audit says of each package; nothing where it got no answer."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        subprocess.run(
            [
                sys.executable, "-m", "pip_audit", "--requirement", str(requirements),
                "--no-deps", "--disable-pip", "--timeout", "10", "--progress-spinner", "off",
                "--format", "json", "--output", str(answer),
            ],
            capture_output=True, check=False,
        )  # fmt: skip
        if not answer.exists():
            return []
        found: list[dict[str, object]] = json.loads(answer.read_text())["dependencies"]
        return found


def judge(known: list[dict[str, object]], locked: list[dict[str, object]]) -> tuple[int, str]:
    """The exit code and what to say."""
    if not any(package.get("vulns") for package in known):
        return 0, "audit: skipped, no advisory database can be reached from here"
    unknown = [str(package["name"]) for package in locked if "skip_reason" in package]
    bad = [
        f"{package['name']} {package['version']}: {', '.join(str(v['id']) for v in vulns)}"
        for package in locked
        if isinstance(vulns := package.get("vulns"), list) and vulns
    ]
    if bad or not locked:
        return 1, "\n".join(["audit: vulnerable, raise these in requirements.lock:", *bad])
    said = f"audit: {len(locked) - len(unknown)} packages, none known to be vulnerable"
    return 0, said + (f"; not known: {', '.join(unknown)}" if unknown else "")


def main() -> int:
    """The exit code."""
    with tempfile.TemporaryDirectory() as folder:
        planted = Path(folder) / "known.txt"
        planted.write_text(KNOWN)
        known = ask(planted)
    code, said = judge(known, ask(LOCK) if any(one.get("vulns") for one in known) else [])
    print(said, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
