"""How right identity is on the default company, which is invented, so that its truth is known."""

from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport import sandbox
from rapport.identity import normalise, resolve
from rapport.landing import ingest
from rapport.night.nights import clock
from rapport.settings import load_settings
from rapport.transform import dbt


def pairs(groups: Iterable[Hashable]) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


@pytest.fixture
def company(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection[Any]:
    """The default company, in a folder of its own, landed and resolved."""
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))
    settings = load_settings()
    as_of = clock(settings)
    try:
        for source in settings.sources:
            ingest(source, run_id="truth", as_of=as_of)
    finally:
        sandbox.stop()
    for selected in ("+int_identifiers_unioned", "tag:identity"):
        if selected == "tag:identity":
            normalise(run_id="truth", as_of=as_of, connection=warehouse)
        outcome = dbt.invoke(["run", "--select", selected], settings, as_of)
        assert outcome.success, outcome.exception
    resolve(run_id="truth", as_of=as_of, connection=warehouse)
    return warehouse


def test_without_matching_precision_is_at_least_999_and_recall_93(
    company: psycopg.Connection[Any],
) -> None:
    members = dict(company.execute("select profile_id, customer_id from identity.members"))
    truth = {profile: person for profile, person, _ in sandbox.truth(sandbox.sandbox_root())}
    known = members.keys() & truth.keys()
    missing = Counter(profile.split(":")[0] for profile in truth.keys() - members.keys())
    assert len(known) > 0.95 * len(truth), f"no customer for records of {dict(missing)}"
    both = pairs((truth[profile], members[profile]) for profile in known)
    precision = both / pairs(members[profile] for profile in known)
    recall = both / pairs(truth[profile] for profile in known)
    assert precision >= 0.999, f"{precision:.4f}"
    assert recall >= 0.93, f"{recall:.4f}"
    assert max(Counter(members.values()).values()) <= 100
