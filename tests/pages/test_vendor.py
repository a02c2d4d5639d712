"""What we did not write stays as it was published."""

import hashlib
import json
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "plugins/rapport/pages/static/vendor"
LIBRARIES = sorted(path for path in VENDOR.iterdir() if path.is_dir())


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_each_file_is_the_one_that_was_published(library: Path) -> None:
    declared = json.loads((library / "origin.json").read_text())
    assert declared["package"].startswith("https://registry.npmjs.org/")
    files = {path.name for path in library.iterdir()} - {"origin.json"}
    assert files == set(declared["sha256"]) and "LICENSE" in files
    for name, digest in declared["sha256"].items():
        assert hashlib.sha256((library / name).read_bytes()).hexdigest() == digest, name
