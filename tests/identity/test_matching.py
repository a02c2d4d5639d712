"""People who share no identifier: found by what they have in common, marked, reviewed, undone."""

import csv
import logging
import random
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.errors import ConfigError
from rapport.identity import matching, normalise
from rapport.identity.matching import match, records, review
from rapport.identity.resolver import resolve
from rapport.identity.rules import Rules, load_rules

Identity = Any

GIVEN = "anna bert clara dora emil fritz gerda hans ida jonas karla ludwig mia nils olga paul"
SURNAMES = (
    "adler bauer conrad dietz eckert franke gruber hofmann jansen keller lindner moser neumann"
    " ortlieb petersen quandt rother seidel thiele ulrich vogt wagner zander albers brandt clausen"
)
CONTACTS = """
create table intermediate.int_contacts_unioned (
    profile_id text, full_name text, first_name text, last_name text, email text, phone text,
    user_id text, country text, city text, company_name text, birth_date date, postal_code text,
    street text, region text
)
"""


@pytest.fixture
def rules() -> Rules:
    return load_rules({"matching": {"enabled": True, "link_at": 0.95, "memory_mb": 128}})


class Company:
    """People with a shop account and a CRM contact by the same address, some with a stray user."""

    def __init__(self, identity: Identity, rules: Rules) -> None:
        self.identity, self.rules = identity, rules
        self.connection: psycopg.Connection[Any] = identity.connection
        self.connection.execute(CONTACTS)

    def add(self, profile_id: str, name: str, email: str, night: int = 0, **more: str) -> None:
        self.identity.offer(
            profile_id,
            ("email", email),
            *((kind, more[kind]) for kind in ("user_id", "phone") if kind in more),
            night=night,
        )
        self.connection.execute(
            "insert into intermediate.int_contacts_unioned values"
            " (%s, %s, null, null, %s, %s, %s, %s, %s)",
            [profile_id, name, email]
            + [more.get(key) for key in ("phone", "user_id", "country", "city")],
        )

    def people(self, count: int, seed: int = 1) -> None:
        dice = random.Random(seed)
        for n in range(count):
            given, surname = dice.choice(GIVEN.split()), dice.choice(SURNAMES.split())
            name, country = f"{given} {surname}".title(), dice.choice(("DE", "AT", "CH"))
            mail = f"{given}.{surname}{n + 100}@x.de"
            self.add(f"files:shop:u_{n}", name, mail, user_id=f"u_{n}", country=country)
            self.add(f"hubspot:contacts:{n}", name, mail, country=country)

    def stray(self, n: int, night: int = 0) -> str:
        """A desk user with another address of person n."""
        name = self.connection.execute(
            "select full_name from intermediate.int_contacts_unioned where profile_id = %s",
            [f"files:shop:u_{n}"],
        ).fetchone()
        assert name
        self.add(f"zendesk:users:{n}", name[0].upper(), f"desk.{n + 100}@y.de", night=night)
        return f"zendesk:users:{n}"

    def match(self) -> dict[str, int]:
        names: dict[str, Any] = {
            "run_id": f"night-{self.identity.nights + 1}",
            "as_of": self.identity.as_of,
        }
        self.identity.nights += 1
        normalise(**names, connection=self.connection)
        for model in ("int_identifiers_changed", "int_identifiers_normalised"):
            self.identity.models.run(model)
        for model in ("int_identifiers_guarded", "int_identity_edges", "excluded_edges"):
            self.identity.models.run(model)
        counts = match(**names, rules=self.rules, connection=self.connection)
        return counts | resolve(**names, connection=self.connection)

    def matches(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "select profile_a, profile_b, round(probability::numeric, 9), is_linked"
            " from identity.matches order by 1, 2"
        ).fetchall()

    def probable(self) -> set[str]:
        return {
            profile
            for (profile,) in self.connection.execute(
                "select profile_id from identity.members where is_probable"
            )
        }


@pytest.fixture
def company(identity: Identity, rules: Rules) -> Company:
    made = Company(identity, rules)
    made.people(150)
    return made


def test_a_stray_record_is_found_linked_and_marked_and_later_nights_score_only_what_is_new(
    company: Company,
) -> None:
    first = company.stray(3)
    counts = company.match()
    members = company.identity.members()
    assert members[first] == members["files:shop:u_3"]
    assert company.probable() == {first}
    assert counts["compared"] == 301
    # Another night: one more stray, compared with its candidates only, by the same weights.
    parameters = "select parameters, as_of from identity.match_model"
    model = company.connection.execute(parameters).fetchone()
    second = company.stray(7, night=1)
    counts = company.match()
    assert counts["changed"] == 1
    assert counts["compared"] < 30
    assert company.identity.members()[second] == company.identity.members()["files:shop:u_7"]
    assert company.connection.execute(parameters).fetchone() == model
    # The delta has found what scoring everybody by the same weights finds.
    nightly = company.matches()
    company.connection.execute("truncate identity.match_records, identity.match_keys")
    company.connection.execute("truncate identity.matches")
    assert company.match()["changed"] == 302
    assert company.matches() == nightly
    # A night without news compares nobody; without its record the match is gone, and its customer.
    assert company.match()["compared"] == 0
    company.identity.withdraw(first)
    company.connection.execute(
        "delete from intermediate.int_contacts_unioned where profile_id = %s", [first]
    )
    company.match()
    assert all(first not in pair[:2] for pair in company.matches())
    # Switched off, all of it is undone.
    company.rules = load_rules({"matching": {"enabled": False}})
    assert company.match()["split"] == 1
    assert company.probable() == set()
    assert company.connection.execute("select from identity.match_records").fetchall() == []


def test_a_match_never_joins_two_accounts_and_a_person_may_decide(
    company: Company, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # Two people with one name and one number, and a record that fits both.
    for n in (900, 901):
        company.add(f"files:shop:u_{n}", "Zoe Quirk", f"zoe{n}@x{n}.de", user_id=f"u_{n}")
    for n in (900, 901):
        company.connection.execute(
            "update intermediate.int_contacts_unioned set email = 'quirk.77@x.de'"
            " where profile_id = %s",
            [f"files:shop:u_{n}"],
        )
    company.add("zendesk:users:900", "Zoe Quirk", "desk.77@y.de")
    company.match()
    groups = company.identity.groups()
    assert {frozenset({f"files:shop:u_{n}"}) for n in (900, 901)} <= groups
    assert company.identity.excluded()["zendesk:users:900", "match"] == "ambiguous_match"

    path = tmp_path / "identity" / "review.csv"
    count = review.export(company.connection, company.rules.matching, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count >= 2
    for row in rows:
        ends = {row["record_a"], row["record_b"]}
        if ends == {"files:shop:u_900", "zendesk:users:900"}:
            assert (row["why"], row["full_name_a"]) == ("ambiguous", "Zoe Quirk")
            row["same"] = "1"
        elif ends == {"files:shop:u_901", "zendesk:users:900"}:
            row["same"] = "no"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)

    for kind in ("must_link", "cannot_link"):
        (tmp_path / f"identity_{kind}.csv").write_text("profile_a,profile_b,reason")
    decided = review.decide(company.connection, path, tmp_path)
    assert (decided["must_link"], decided["cannot_link"]) == (1, 1)
    assert review.decide(company.connection, path, tmp_path)["known"] == 2
    for kind in ("must_link", "cannot_link"):
        with (tmp_path / f"identity_{kind}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                company.identity.override(kind, row["profile_a"], row["profile_b"])
    company.match()
    assert frozenset({"files:shop:u_900", "zendesk:users:900"}) in company.identity.groups()
    assert "zendesk:users:900" not in company.probable()
    assert review.export(company.connection, company.rules.matching, path) == count - 2
    # Nothing of anybody in the log.
    assert not any(
        secret in record.getMessage().lower()
        for record in caplog.records
        for secret in ("quirk", "zoe", "adler", "@x.de")
    )


def test_answers_that_contradict_or_name_nobody_are_refused_and_nothing_is_written(
    identity: Identity, tmp_path: Path
) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("hubspot:contacts:2", ("email", "b@x.de"))
    identity.night()
    for kind in ("must_link", "cannot_link"):
        (tmp_path / f"identity_{kind}.csv").write_text("profile_a,profile_b,reason\n")
    path = tmp_path / "review.csv"
    pair = "hubspot:contacts:1,hubspot:contacts:2"
    for lines, named in (
        ([f"{pair},1", "hubspot:contacts:2,hubspot:contacts:1,0"], "the opposite"),
        (["hubspot:contacts:1,nobody:1,1"], "nobody:1"),
        ([f"{pair},perhaps"], ":2:"),
    ):
        path.write_text("\n".join(["record_a,record_b,same", *lines]))
        with pytest.raises(ConfigError, match=named):
            review.decide(identity.connection, path, tmp_path)
        assert (tmp_path / "identity_must_link.csv").read_text().count("\n") == 1


def test_without_its_libraries_matching_is_off_unless_it_is_required(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    find: Callable[[str], Any] = matching.find_spec
    monkeypatch.setattr(
        matching, "find_spec", lambda name: find(name) if name != "duckdb" else None
    )
    with pytest.raises(ConfigError, match="pip install duckdb"):
        company.match()
    company.rules = load_rules()
    assert "compared" not in company.match()
    assert "matching is off: duckdb" in caplog.text


def test_with_few_records_matching_waits_unless_it_is_enabled(
    identity: Identity, rules: Rules, caplog: pytest.LogCaptureFixture
) -> None:
    company = Company(identity, load_rules())
    company.people(5)
    assert company.match()["compared"] == 0
    assert "10 records have a name or a birth date, 200 are needed" in caplog.text
    company.rules = rules
    assert company.match()["compared"] == 10
    assert company.matches() == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (("Щербакова, Юлия", None, None, "y.85@x.ru"), ("iuliia", "shcherbakova", "85")),
        (("Sven  OBERMEIER", None, None, "2.sven.7@x.de"), ("sven", "obermeier", "7")),
        (("x", "Ana María", "López", None), ("ana maria", "lopez", None)),
        (("Madonna", None, None, None), ("madonna", None, None)),
        (("Julia", "Julia ", None, None), ("julia", None, None)),
        (("  ", "", None, "@"), (None, None, None)),
        (("A\u200b " + "B" * 10_000, None, None, "1" * 300), ("a", "b" * 197, "1" * 200)),
    ],
)
def test_fields_are_read_from_what_people_write(
    raw: tuple[str | None, ...], expected: tuple[str | None, ...]
) -> None:
    made = records.fields(records.Contact(*raw))
    assert (made.given, made.surname, made.number) == expected


@pytest.mark.parametrize(
    ("street", "postal_code", "expected"),
    [
        ("6 Tullaroop Street", "4011", ("tullaroop street", "6", "4011")),
        ("Hauptstraße 12 a", "01067", ("hauptstrasse", "12a", "01067")),
        ("O'Sullivan street", "sw1a 1aa", ("osullivan street", None, "sw1a1aa")),
        ("37", None, (None, "37", None)),
        (" ", "-", (None, None, None)),
    ],
)
def test_an_address_is_read_as_street_house_and_postal_code(
    street: str, postal_code: str | None, expected: tuple[str | None, ...]
) -> None:
    made = records.fields(records.Contact(street=street, postal_code=postal_code))
    assert (made.street, made.house, made.postal) == expected


def test_every_short_form_of_a_name_belongs_to_one_name() -> None:
    assert records.fields(records.Contact(first_name="Bill")).given_root == "wilhelm"
    # Lena is short for Helena and for Magdalena, so it stands for neither.
    assert records.fields(records.Contact(first_name="Lena")).given_root == "lena"


@pytest.mark.parametrize(
    "options", [{"link_at": 0.6, "review_at": 0.7}, {"link_at": 2}, {"typo": 1}]
)
def test_a_wrong_option_of_matching_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"identity\.matching"):
        load_rules({"matching": options})


def test_no_cell_that_a_person_reviews_is_a_formula(
    identity: Identity, rules: Rules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("files:shop:a;=1", "files:shop:b"):
        identity.offer(name, ("email", f"{name[-1]}@x.de"))
    identity.night()
    names = [["files:shop:a;=1", "files:shop:b"], "Max;=HYPERLINK(1)", "-1+cmd|x"]
    query = (
        "select (%s::text[])[1], (%s::text[])[2], 0.5, 'ambiguous', null, 'r', 'c_1', 'c_2', null,"
        " null, 1, array[%s] || array_fill(null::text, '{9}'),"
        " array[%s] || array_fill(null::text, '{9}')"
    )
    monkeypatch.setattr(review, "UNDECIDED", query)
    asked = identity.connection

    class Rows:
        def execute(self, statement: str, values: Any) -> Any:
            return asked.execute(statement, [names[0], names[0], *names[1:]])

    path = tmp_path / "review.csv"
    review.export(Rows(), rules.matching, path)  # type: ignore[arg-type]
    for delimiter in ",;":
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
        assert not [cell for cell in cells if cell.strip(' "')[:1] in ("=", "-", "+", "@")]
    for kind in ("must_link", "cannot_link"):
        (tmp_path / f"identity_{kind}.csv").write_text("profile_a,profile_b,reason\n")
    path.write_text(path.read_text().replace('files:shop:b","",', 'files:shop:b","1",'))
    assert review.decide(asked, path, tmp_path)["must_link"] == 1


def test_where_matching_is_off_nothing_is_done(identity: Identity) -> None:
    at = datetime.fromisoformat("2026-01-01T03:00:00+00:00")
    counts = match(run_id="x", as_of=at, rules=load_rules(), connection=identity.connection)
    assert counts == {}
