"""Takes each guard of mutants.yml out of a copy of the source, and shows that a test notices.

python tests/faults/mutants.py            # all
python tests/faults/mutants.py formulas   # those with the word
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", ".env", "var", "target", "logs", "__pycache__",
    "*.egg-info",
)  # fmt: skip
FAILED = 1  # pytest's own: tests ran, and some failed


@dataclass(frozen=True)
class Mutant:
    """A guard, where it stands, what stands there without it, and the test that must fail."""

    guard: str
    file: str
    find: str
    put: str
    test: str

    def path(self, root: Path) -> Path:
        """The file that holds the guard."""
        return root / "plugins" / "rapport" / self.file

    def without(self, text: str) -> str:
        """The file's text without the guard. Raises ValueError where it stands not just once."""
        if text.count(self.find) != 1 or self.find == self.put:
            raise ValueError(
                f"{self.guard}: `find` is in {self.file} {text.count(self.find)} times"
            )
        return text.replace(self.find, self.put)


def mutants() -> list[Mutant]:
    """All of the file."""
    return [Mutant(**one) for one in yaml.safe_load((HERE / "mutants.yml").read_text("utf-8"))]


def run(root: Path, *tests: str) -> int:
    """The exit code of pytest for some tests of a copy."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root / "plugins"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=root, env=environment, stdout=subprocess.DEVNULL, check=False,
    ).returncode  # fmt: skip


def survivors(root: Path, chosen: list[Mutant]) -> Iterator[Mutant]:
    """Those whose test does not fail; each is said as it is tried."""
    for mutant in chosen:
        path = mutant.path(root)
        whole = path.read_text(encoding="utf-8")
        path.write_text(mutant.without(whole), encoding="utf-8")
        code = run(root, mutant.test)
        path.write_text(whole, encoding="utf-8")
        word = {0: "SURVIVED", FAILED: "noticed"}.get(code, f"NO ANSWER ({code})")
        print(f"{word:<10} {mutant.guard:<52} {mutant.test}", flush=True)
        if code != FAILED:
            yield mutant


def main(word: str) -> int:
    """How many survived, as an exit code."""
    chosen = [mutant for mutant in mutants() if word in mutant.guard]
    with tempfile.TemporaryDirectory(prefix="rapport-mutants-") as folder:
        root = Path(folder) / "project"
        shutil.copytree(ROOT, root, ignore=LEFT_OUT)
        root.parent.chmod(0o755)
        if run(root, *sorted({mutant.test for mutant in chosen})):
            print("The tests fail with every guard in place: mend that first.")
            return 2
        left = list(survivors(root, chosen))
    print(f"{len(chosen)} guards taken out, {len(left)} not noticed")
    return min(len(left), 1)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
