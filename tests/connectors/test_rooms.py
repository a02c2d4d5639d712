"""A vendor is in its four places: nothing else names it, so adding one edits nothing else."""

import re
import subprocess
from pathlib import Path

import pytest

from rapport.connectors import all_destinations, all_sources

ROOT = Path(__file__).resolve().parents[2]
# Words that mean more than a vendor: what they name is found in every place.
COMMON = {"files", "postgres", "webhook", "smtp", "slack"}
PLACES = re.compile(
    r"(plugins/rapport/connectors|dbt_project/models/staging|tests/connectors)/\w+/"
    r"|plugins/rapport_sandbox/vendors/\w+(/|\.py$)"
    r"|docs/reference/connectors/|\.env\.example$|CHANGELOG\.md$"
    r"|tests/(contracts|runs)/test_everything\.py$"
)
# What else may name a vendor, and why. Adding a vendor changes none of these.
ALLOWED = {
    r"(.*/)?(README|CONTRIBUTING|DECISIONLOG)\.md|docs/.*\.md": (
        "prose that explains by the example of a vendor"
    ),
    r"rapport\.yml|dbt_project/models/segments/seg_\w+\.yml": (
        "what the company of the demo uses, which every company replaces"
    ),
    r"dbt_project/models/(marts|metrics)/\w+\.yml": (
        "how a metric differs from the vendor's own screen of it"
    ),
    r"dbt_project/macros/minor_units\.sql": "the citation of a public list",
    r"dbt_project/macros/web\.sql": "the names of events as tools write them",
    r"dbt_project/dbt_project\.yml": "domains of payment providers, where visitors pay",
    r"plugins/rapport_sandbox/\w+\.py": (
        "the invented company is told as the records of the five vendors of the demo"
    ),
    r"benchmarks/bench_\w+\.py": "measured with connectors that exist",
    r"tests/.*\.(py|yml|json)": "examples that need a connector which exists, as those of the demo",
}
SPEAKS_OF_LOCKS = re.compile(r"\bacquire\(")


def vendors() -> list[str]:
    rooms = {kind.__module__.split(".")[-2] for kind in all_sources().values()}
    rooms |= {kind.__module__.split(".")[-2] for kind in all_destinations().values()}
    return sorted(rooms - COMMON)


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a checkout")
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def naming(paths: list[str]) -> dict[str, set[str]]:
    """The vendors that each file names, as a word of their own; of those that name any."""
    word = re.compile(rf"(?<![a-z0-9])({'|'.join(vendors())})(?![a-z0-9])", re.IGNORECASE)
    found = {}
    for path in paths:
        text = SPEAKS_OF_LOCKS.sub("", (ROOT / path).read_text("utf-8", errors="ignore"))
        if names := {name.lower() for name in word.findall(text)}:
            found[path] = names
    return found


def test_no_file_outside_of_a_vendors_places_names_it() -> None:
    outside = [path for path in tracked() if not PLACES.match(path)]
    found = {
        path: sorted(names)
        for path, names in naming(outside).items()
        if not any(re.fullmatch(allowed, path) for allowed in ALLOWED)
    }
    assert found == {}, "derive it from the vendor's facts, or move it into the vendor's folder"


def test_the_test_sees_a_name() -> None:
    paths = tracked()
    named = naming([path for path in paths if PLACES.match(path)])
    assert set(vendors()) <= {name for names in named.values() for name in names}
    for allowed in ALLOWED:
        assert naming([path for path in paths if re.fullmatch(allowed, path)]), (
            f"needless: {allowed}"
        )


@pytest.mark.parametrize("name", vendors())
def test_a_vendor_has_a_double_and_tests_of_its_own(name: str) -> None:
    double = ROOT / "plugins" / "rapport_sandbox" / "vendors" / name
    assert double.is_dir() or double.with_suffix(".py").is_file()
    assert list((ROOT / "tests" / "connectors" / name).glob("test_*.py"))
    if name in all_sources():
        staging = ROOT / "dbt_project" / "models" / "staging" / name
        assert list(staging.glob(f"stg_{name}__*.sql"))
