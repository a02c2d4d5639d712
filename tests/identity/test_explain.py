"""Answers for people: why these two, how it is going, how right it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rapport.cli import application
from rapport.errors import ConfigError
from rapport.identity.audit import audit, sizes
from rapport.identity.evaluate import evaluate
from rapport.identity.explain import explain

Identity = Any


@pytest.fixture
def company(identity: Identity) -> Identity:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"), ("user_id", "u_1"))
    identity.offer("zendesk:users:1", ("email", "a@x.de"), ("email", "b@x.de"), night=1)
    identity.offer("zendesk:users:2", ("email", "b@x.de"), ("email", "info@x.de"), night=1)
    identity.offer("hubspot:contacts:9", ("email", "info@x.de"))
    identity.night()
    return identity


def test_the_path_between_two_records_of_a_customer_is_shown_step_by_step(
    company: Identity,
) -> None:
    answer = explain(company.connection, "hubspot:contacts:1", "zendesk:users:2")
    assert answer["is_same"]
    assert answer["is_certain"]
    assert [(step["from"], step["to"], step["value"]) for step in answer["path"]] == [
        ("hubspot:contacts:1", "zendesk:users:1", "a@x.de"),
        ("zendesk:users:1", "zendesk:users:2", "b@x.de"),
    ]


def test_two_customers_have_no_path_but_a_reason(company: Identity) -> None:
    answer = explain(company.connection, "zendesk:users:2", "hubspot:contacts:9")
    assert not answer["is_same"]
    assert answer["path"] == []
    assert answer["shared"] == [
        {"link": "email", "value": "info@x.de", "reason": "blocked_pattern"}
    ]


def test_a_customer_id_means_its_anchor_also_when_it_is_an_old_one(company: Identity) -> None:
    old = company.members()["hubspot:contacts:9"]
    company.override("must_link", "hubspot:contacts:9", "hubspot:contacts:1")
    company.night()
    answer = explain(company.connection, old, "hubspot:contacts:9")
    assert answer["is_same"]
    assert [step["link"] for step in answer["path"]] == ["must_link"]


def test_an_unknown_id_is_refused_with_advice(company: Identity) -> None:
    with pytest.raises(ConfigError, match="crm:contacts:42"):
        explain(company.connection, "hubspot:contacts:77", "zendesk:users:2")


def test_the_audit_counts_sizes_moves_and_exclusions(company: Identity) -> None:
    company.override("must_link", "hubspot:contacts:9", "hubspot:contacts:1")
    company.night()
    report = audit(company.connection)
    assert report["customers"] == 1
    assert report["sizes"] == [{"from": 4, "to": 4, "customers": 1}]
    assert report["tonight"] == {"merged": 1}
    assert report["share_of_ids_changed"] in (0.25, 0.75)
    assert report["excluded"] == {"blocked_pattern": 2}
    assert (report["former_ids"], report["dangling_ids"]) == (1, 0)
    assert report["probable_profiles"] == 0
    assert sizes(company.connection) == [(4, 1)]


def test_labelled_pairs_give_precision_and_recall_and_the_worst_errors(
    company: Identity, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(
        "record_a,record_b,same\n"
        "hubspot:contacts:1,zendesk:users:1,1\n"
        "hubspot:contacts:1,zendesk:users:2,no\n"
        "hubspot:contacts:1,hubspot:contacts:9,yes\n"
        "hubspot:contacts:1,nobody:1,yes\n"
    )
    verdict = evaluate(company.connection, pairs)
    assert (verdict["precision"], verdict["recall"]) == (0.5, 0.5)
    assert (verdict["pairs"], verdict["unknown"]) == (4, 1)
    assert [(error["error"], error["profiles"]) for error in verdict["worst"]] == [
        ("wrongly_one", 3),
        ("missed", 4),
    ]


@pytest.mark.parametrize(
    ("text", "named"), [("a,b\n", "record_a"), ("record_a,record_b,same\nx,y,maybe\n", ":2:")]
)
def test_a_bad_file_of_pairs_is_refused_with_its_line(
    company: Identity, tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ConfigError, match=named):
        evaluate(company.connection, tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    "arguments", [["audit"], ["explain", "zendesk:users:1", "zendesk:users:2"]]
)
def test_the_commands_print_a_table_or_json(company: Identity, arguments: list[str]) -> None:
    runner = CliRunner()
    plain = runner.invoke(application, ["identity", *arguments])
    assert plain.exit_code == 0, plain.output
    coded = runner.invoke(application, ["identity", *arguments, "--json"])
    assert isinstance(json.loads(coded.output), dict)
