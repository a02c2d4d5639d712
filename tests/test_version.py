"""A release has one version: in the package, in its metadata and in the changelog."""

import re
import tomllib

from tests.conftest import ROOT

import rapport


def test_package_metadata_and_changelog_name_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^]]*)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert rapport.__version__ == project["version"] == newest[1]
