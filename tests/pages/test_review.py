"""The review of pairs: who may look and answer, and what the next run makes of an answer."""

import csv
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from rapport.identity.matching import answers, review
from rapport.identity.rules import load_rules
from rapport.pages.access import Reader
from rapport.pages.app import application
from rapport.pages.database import Warehouse

from ..identity.conftest import Identity
from .conftest import CONTACTS, READERS, SCRIPT, SECRET, Client, by_header

FIRST, SECOND = ({"a": f"hubspot:contacts:{n}", "b": f"zendesk:users:{n}"} for n in (1, 2))
EVIDENCE = [7.25, 3.0, -4.5, None, None, None, 0.5, None, None, 0.2, None]


class Office:
    """Two pairs that wait for an answer, and the people who may give it."""

    def __init__(self, connection: psycopg.Connection[Any], desk: Warehouse) -> None:
        self.connection, self.identity = connection, Identity(connection)
        self.app = application(by_header, lambda: SECRET, desk)
        connection.execute(CONTACTS)
        for n, probability in ((1, 0.9), (2, 0.8)):
            self.pair(n, probability)
        self.identity.night()

    def pair(self, n: int, probability: float) -> None:
        for profile, name in ((f"hubspot:contacts:{n}", "Mara"), (f"zendesk:users:{n}", "MARA")):
            self.identity.offer(profile, ("email", f"{profile.replace(':', '.')}@x.de"))
            self.connection.execute(
                "insert into intermediate.int_contacts_unioned (profile_id, full_name, city,"
                " birth_date) values (%s, %s, %s, %s)",
                [profile, f"{name} Canary{n}", SCRIPT, f"1990-01-0{n % 9 + 1}"],
            )
        self.connection.execute(
            "insert into identity.matches values (%s, %s, %s, 1, false, 'r', now(), %s)",
            [f"hubspot:contacts:{n}", f"zendesk:users:{n}", probability, EVIDENCE],
        )

    def as_(self, reader: str | None) -> Client:
        return Client(self.app, reader)

    def page(self, reader: str = "op", path: str = "/review") -> str:
        answer = self.as_(reader).get(path)
        assert answer.status_code == 200, answer.text[-400:]
        return answer.text

    def waiting(self) -> list[str]:
        """The pairs of the page in its order, by the smaller id."""
        return re.findall(r'<article.*?name="profile_a" value="([^"]+)"', self.page(), re.DOTALL)

    def token(self, pair: dict[str, str], reader: str = "op", *, back: bool = False) -> str:
        """The token of the form of a pair, or of the one that takes its answer back."""
        forms = re.findall(r"<form.*?</form>", self.page(reader), re.DOTALL)
        for form in forms:
            if f'value="{pair["a"]}"' in form and (">Take back<" in form) is back:
                return form.split('name="token" value="')[1].split('"')[0]
        raise AssertionError("there is no such form")

    def send(self, pair: dict[str, str], word: str, reader: str = "op", **more: str) -> Any:
        site = more.pop("site", "same-origin")
        token = more.pop("token", None)
        if token is None:
            token = self.token(pair, reader, back=word == "back")
        fields = {"profile_a": pair["a"], "profile_b": pair["b"], "word": word, "token": token}
        return self.as_(reader).post("/review", data=fields, headers={"Sec-Fetch-Site": site})

    def answers(self) -> list[tuple[str, str, str]]:
        return self.connection.execute(
            "select profile_a, answer, reviewed_by from identity.reviewed_pairs order by 1"
        ).fetchall()


@pytest.fixture
def office(warehouse: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    olga = Reader("Olga", sees_people=True, sees_contacts=True)
    monkeypatch.setitem(READERS, "second", olga)
    desk = Warehouse()
    yield Office(warehouse, desk)
    desk.close()


def one_customer(pair: dict[str, str]) -> frozenset[str]:
    return frozenset(pair.values())


def test_who_sees_contact_details_reviews_and_nobody_else(office: Office) -> None:
    token = office.token(FIRST)
    for reader in ("viewer", "user"):
        answer = office.as_(reader).get("/review")
        assert answer.status_code == 403 and "Canary" not in answer.text
        assert 'href="/review"' not in office.as_(reader).get("/runs").text
        assert office.send(FIRST, "same", reader, token=token).status_code == 403
    assert office.as_(None).get("/review").status_code == 401
    assert 'href="/review"' in office.page(path="/runs")
    assert READERS["op"].may_review
    assert not Reader("x", sees_contacts=True).may_review, "must also be allowed to approve lists"
    assert office.answers() == []


def test_a_pair_shows_both_records_and_what_each_field_speaks_for_it(office: Office) -> None:
    said = office.page()
    assert "2 pairs wait" in said and said.index("90 % probable") < said.index("80 % probable")
    name, birth = (
        re.search(rf">{field}</th>.*?</tr>", said, re.DOTALL) for field in ("Name", "Birth date")
    )
    assert name and "Mara Canary1" in name[0] and "equal" in name[0] and "+10.2" in name[0]
    assert birth and "1990-01-02" in birth[0] and "−4.5" in birth[0]
    assert SCRIPT not in said and "&lt;script&gt;" in said
    assert "Phone" not in said, "a field that neither record has"
    members = office.identity.members()
    for profile in (*FIRST.values(), *SECOND.values()):
        assert f'href="/customers/{members[profile]}"' in said and profile in said
    looks = office.connection.execute(
        "select viewer, what, customer_id from ops.contact_looks"
    ).fetchall()
    assert sorted(looks) == sorted(("Otto", "review", customer) for customer in members.values())


def test_a_pair_that_a_guard_keeps_apart_says_so(office: Office) -> None:
    assert "Not probable enough" in office.page() and "a guard kept" not in office.page()
    office.connection.execute("update identity.matches set is_linked = true")
    assert "a guard kept" in office.page() and "Not probable enough" not in office.page()


def test_records_that_are_one_person_are_one_customer_after_the_next_run(office: Office) -> None:
    answer = office.send(FIRST, "same")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?said=same")
    said = office.page(path=answer.headers["location"])
    assert "One person" in said and "waits for the next run" in said and "1 pair waits" in said
    office.identity.night()
    assert one_customer(FIRST) in office.identity.groups()
    assert one_customer(SECOND) not in office.identity.groups()
    said = office.page()
    assert "applied" in said and "Take back" not in said
    assert office.waiting() == [SECOND["a"]]


def test_records_that_are_two_people_are_never_joined(office: Office) -> None:
    office.send(FIRST, "different")
    office.connection.execute("update identity.matches set is_linked = true, weight = 9")
    office.identity.night()
    assert one_customer(FIRST) not in office.identity.groups()
    assert one_customer(SECOND) in office.identity.groups(), "a match without an answer joins"
    assert office.waiting() == []


def test_a_postponed_pair_comes_last_and_can_still_be_answered(
    office: Office, tmp_path: Path
) -> None:
    office.send(FIRST, "later")
    assert office.waiting() == [SECOND["a"], FIRST["a"]]
    assert "postponed" in office.page()
    path = tmp_path / "review.csv"
    rules = load_rules().matching
    assert review.export(office.connection, rules, path) == 2
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["record_a"] for row in rows] == [SECOND["a"], FIRST["a"]]
    assert rows[1]["birth_date_a"] == "1990-01-02" and rows[1]["why"] == "below link_at"
    assert rows[1]["evidence"].startswith("first name +7.2, last name +3.0, birth date -4.5")
    office.identity.night()
    assert one_customer(FIRST) not in office.identity.groups()
    assert office.send(FIRST, "same", "second").status_code == 303
    assert office.answers() == [(FIRST["a"], "same", "Olga")]
    assert review.export(office.connection, rules, path) == 1


def test_an_answer_is_taken_back_until_a_run_has_applied_it(office: Office) -> None:
    office.send(FIRST, "different")
    token = office.token(FIRST, back=True)
    assert office.send(FIRST, "back", "second", token=token).status_code == 409
    assert office.send(FIRST, "back", token=token).status_code == 303
    assert office.answers() == [] and office.waiting() == [FIRST["a"], SECOND["a"]]
    assert office.send(FIRST, "back", token=token).status_code == 409
    office.send(FIRST, "same")
    token = office.token(FIRST, back=True)
    office.identity.night()
    answer = office.send(FIRST, "back", token=token)
    assert answer.status_code == 409 and "identity_cannot_link.csv" in answer.text
    assert office.answers() == [(FIRST["a"], "same", "Otto")]


def test_a_form_of_another_pair_person_or_site_answers_nothing(office: Office) -> None:
    token = office.token(FIRST)
    assert office.send(SECOND, "same", token=token).status_code == 409
    crossed = {"a": FIRST["a"], "b": SECOND["b"]}
    assert office.send(crossed, "same", token=token).status_code == 409
    assert office.send({"a": "x", "b": "y"}, "same", token=token).status_code == 409
    assert office.send({"a": "x\x00", "b": "y"}, "same", token=token).status_code == 422
    assert office.send(FIRST, "same", token="").status_code == 409
    assert office.send(FIRST, "same", "second", token=token).status_code == 409
    assert office.send(FIRST, "same", token=token, site="cross-site").status_code == 403
    assert office.send(FIRST, "maybe", token=token).status_code == 422
    office.connection.execute("update identity.matches set run_id = 'r2'")
    answer = office.send(FIRST, "same", token=token)
    assert answer.status_code == 409 and "has changed" in answer.text, "a run scored it again"
    assert office.answers() == []


def test_a_pair_that_somebody_else_has_just_answered_is_refused(office: Office) -> None:
    mine, theirs = office.token(FIRST), office.token(FIRST, "second")
    assert office.send(FIRST, "different", "second", token=theirs).status_code == 303
    answer = office.send(FIRST, "same", token=mine)
    assert answer.status_code == 409
    assert "Olga has answered this pair in the meantime" in answer.text
    twice = office.send(FIRST, "different", "second", token=theirs)
    assert twice.status_code == 303, "a second click says the same"
    assert office.answers() == [(FIRST["a"], "different", "Olga")]


def test_an_answer_is_never_overwritten_by_one_that_has_not_seen_it(office: Office) -> None:
    pair = (FIRST["a"], FIRST["b"])
    assert answers.store(office.connection, *pair, "later", by="Olga")
    assert answers.store(office.connection, *pair, "different", by="Olga")
    assert not answers.store(office.connection, *pair, "same", by="Otto")
    assert office.answers() == [(FIRST["a"], "different", "Olga")]
    seen = answers.of(office.connection, *pair)
    assert seen is not None
    assert not answers.take_back(office.connection, seen._replace(answer="same"))
    assert answers.take_back(office.connection, seen) and office.answers() == []


def test_a_record_that_is_gone_breaks_neither_the_page_nor_the_run(office: Office) -> None:
    office.send(FIRST, "same")
    office.send(SECOND, "later")
    office.connection.execute("delete from intermediate.int_contacts_unioned")
    for profile in (FIRST["a"], SECOND["b"]):
        office.identity.withdraw(profile)
    office.identity.night()
    office.connection.execute(
        "delete from identity.profiles where profile_id = any(%s)", [[FIRST["a"], SECOND["b"]]]
    )
    said = office.page()
    assert office.waiting() == [] and said.count("no longer there") == 2
    office.identity.night(full=True)
    assert office.send(SECOND, "back").status_code == 303
    assert office.answers() == [(FIRST["a"], "same", "Otto")]


def test_a_seed_outranks_an_answer_and_the_page_says_so(office: Office) -> None:
    office.send(FIRST, "same")
    office.identity.override("cannot_link", FIRST["a"], FIRST["b"])
    office.identity.night()
    assert one_customer(FIRST) not in office.identity.groups()
    assert "a seed says the opposite" in office.page()


def test_pairs_come_in_pages_up_to_the_number_of_rows(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3, 26):
        office.pair(n, 0.6)
    office.identity.night()
    assert office.page().count("<article") == 20 and "25 pairs wait" in office.page()
    second = office.page(path="/review?page=2")
    assert second.count("<article") == 5 and 'name="page" value="2"' in second
    answer = office.as_("op").get("/review?page=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    desk = office.app.state.desk
    few = desk.rules.matching.model_copy(update={"review_rows": 3})
    monkeypatch.setattr(desk, "rules", desk.rules.model_copy(update={"matching": few}))
    assert office.page().count("<article") == 3 and "3 pairs wait" in office.page()


def test_nothing_of_anybody_is_in_the_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    office.send(FIRST, "same")
    office.send(SECOND, "same", token="")
    office.send({"a": "mara@x.de\x00", "b": "y"}, "same", token="")
    office.connection.execute("alter table identity.reviewed_pairs rename to elsewhere")
    assert office.as_("op").get("/review").status_code == 503
    assert "UndefinedTable" in caplog.text
    assert not any(secret in caplog.text for secret in ("Canary", "mara@", "contacts:1", "1990"))


def test_the_page_speaks_russian(office: Office) -> None:
    said = office.page(path="/review?lang=ru")
    assert "Проверка пар" in said and "2 пары ждут ответа" in said and "совпадают" in said


def test_before_the_first_run_the_page_says_what_to_start(
    warehouse: psycopg.Connection[Any],
) -> None:
    desk = Warehouse()
    answer: httpx.Response = Client(application(by_header, lambda: SECRET, desk), "op").get(
        "/review"
    )
    desk.close()
    assert answer.status_code == 503 and "rapport run" in answer.text
