"""How right identity is on the default company, which is invented, so that its truth is known."""

from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from rapport.identity import normalise
from rapport.identity.matching import match
from rapport.identity.resolver import resolve
from rapport.identity.rules import load_rules
from rapport.landing import ingest
from rapport.runs.run import clock
from rapport.settings import load_settings
from rapport.transform import dbt
from rapport_sandbox import lifecycle
from rapport_sandbox.company import truth as truth_of


def pairs(groups: Iterable[Hashable]) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


class Judged(NamedTuple):
    """Pairwise precision, recall, and recall without the records that hold no trace of anybody."""

    precision: float
    recall: float
    recall_of_traceable: float
    largest: int


def judge(warehouse: psycopg.Connection[Any]) -> Judged:
    """`anonymous` in the truth: a browser without a login, an answer without a field of its own."""
    members = dict(warehouse.execute("select profile_id, customer_id from identity.members"))
    truth = {
        profile: (person, note) for profile, person, note in truth_of(lifecycle.sandbox_root())
    }
    known = members.keys() & truth.keys()
    missing = Counter(profile.split(":")[0] for profile in truth.keys() - members.keys())
    assert len(known) > 0.95 * len(truth), f"no customer for records of {dict(missing)}"
    traceable = [profile for profile in known if truth[profile][1] != "anonymous"]
    assert len(traceable) > 0.95 * len(known)

    def recall(profiles: Iterable[str]) -> float:
        profiles = list(profiles)
        both = pairs((truth[profile][0], members[profile]) for profile in profiles)
        return both / pairs(truth[profile][0] for profile in profiles)

    both = pairs((truth[profile][0], members[profile]) for profile in known)
    return Judged(
        both / pairs(members[profile] for profile in known),
        recall(known),
        recall(traceable),
        max(Counter(members.values()).values()),
    )


@pytest.fixture
def company(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection[Any]:
    """The default company, in a folder of its own, landed and resolved without matching."""
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))
    settings = load_settings()
    as_of = clock(settings)
    try:
        for source in settings.sources:
            ingest(source, run_id="truth", as_of=as_of)
    finally:
        lifecycle.stop()
    for selected in ("+int_identifiers_unioned +int_contacts_unioned", "tag:identity"):
        if selected == "tag:identity":
            normalise(run_id="truth", as_of=as_of, connection=warehouse)
        outcome = dbt.invoke(["run", "--select", *selected.split()], settings, as_of)
        assert outcome.success, outcome.exception
    resolve(run_id="truth", as_of=as_of, connection=warehouse)
    return warehouse


def test_precision_is_at_least_999_and_recall_93_without_matching_and_98_with_it(
    company: psycopg.Connection[Any],
) -> None:
    without = judge(company)
    assert without.precision >= 0.999, without
    assert without.recall >= 0.93, without
    assert without.largest <= 100

    names: Any = {"run_id": "matched", "as_of": clock(load_settings()), "connection": company}
    lifecycle.stop()
    counts = match(**names, rules=load_rules())
    assert counts["linked"] > 0
    resolve(**names)
    matched = judge(company)
    assert matched.precision >= 0.999, matched
    assert matched.recall_of_traceable >= 0.98, matched
    # What is left of all pairs is with records in which nothing says whose they are.
    assert matched.recall >= 0.965, matched
    assert matched.largest <= 100
