"""The truth about who is who, and how far exact identifiers get towards it."""

import csv
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import phonenumbers
import pytest

from rapport_sandbox.company import DATABASE, next_night, truth

NOT_A_PERSON = {"test@test.com", "noreply@example.com", "none@example.com", "null"}


def offers(root: Path) -> Iterator[tuple[str, str, str]]:
    """(profile, kind, value) of everything that a profile could be recognised by."""
    with closing(sqlite3.connect(root / DATABASE)) as database:
        for id, body in database.execute("select id, body from hubspot_contacts"):
            found, profile = json.loads(body)["properties"], f"hubspot:contacts:{id}"
            for email in [found["email"], *found["hs_additional_emails"].split(";")]:
                yield profile, "email", email
            yield profile, "phone", found["phone"]
            yield profile, "phone", found["mobilephone"]
            yield profile, "user_id", found["app_user_id"]
        for id, body in database.execute("select id, body from zendesk_users"):
            user, profile = json.loads(body), f"zendesk:users:{id}"
            yield profile, "email", user["email"]
            yield profile, "phone", user["phone"]
            yield profile, "user_id", user["external_id"]
        for (body,) in database.execute("select body from typeform_responses"):
            answer = json.loads(body)
            profile = f"typeform:respondents:{answer['token']}"
            yield profile, "email", answer["hidden"].get("email", "")
            yield profile, "user_id", answer["hidden"].get("user_id", "")
        sql = "select distinct device, number, is_known from amplitude_events"
        for device, number, is_known in database.execute(sql):
            if is_known:
                yield f"amplitude:users:u_{number:07d}", "user_id", f"u_{number:07d}"
                yield f"amplitude:users:u_{number:07d}", "device", device
            else:
                yield f"amplitude:devices:{device}", "device", device
    for path in (root / "files/shop").glob("customers-*"):
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            profile = f"files:shop:{row['customer_id']}"
            yield profile, "email", row["email"]
            yield profile, "phone", row["phone"]
            yield profile, "user_id", row["customer_id"]
    for path in (root / "files/consent").glob("*"):
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            profile = f"files:consent:{row['user_id'] or row['email'].lower()}"
            yield profile, "email", row["email"]
            yield profile, "user_id", row["user_id"]


def normal(kind: str, value: str | None) -> str | None:
    """The normal form of an identifier, None where it identifies nobody."""
    if not value:
        return None
    if kind == "email":
        value = value.lower()
        return None if value in NOT_A_PERSON or value.startswith("info@") else value
    if kind == "device":
        return None if value.startswith("office-") else value
    if kind == "phone":
        try:
            number = phonenumbers.parse(value, "DE")
        except phonenumbers.NumberParseException:
            return None
        return str(number) if phonenumbers.is_valid_number(number) else None
    return value


def components(root: Path) -> dict[str, str]:
    """Profile to component, joined by whatever they share exactly."""
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    first: dict[tuple[str, str], str] = {}
    for profile, kind, value in offers(root):
        mine, shared = find(profile), normal(kind, value)
        if shared is not None:
            parent[mine] = find(first.setdefault((kind, shared), profile))
    return {profile: find(profile) for profile in parent}


def pairs(sizes: Counter) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


@pytest.fixture(scope="module")
def people(untouched: Path) -> dict[str, str]:
    return {profile: person for profile, person, _ in truth(untouched)}


def test_the_truth_covers_every_profile(root: Path) -> None:
    for _ in range(3):
        next_night(root)
    known = {profile for profile, _, _ in truth(root)}
    assert {profile for profile, _, _ in offers(root)} - known == set()


def test_exact_identifiers_find_about_95_in_100_pairs(
    untouched: Path, people: dict[str, str]
) -> None:
    found = components(untouched)
    both = pairs(Counter((people[profile], root) for profile, root in found.items()))
    assert 0.93 < both / pairs(Counter(people[profile] for profile in found)) < 0.98
    assert both / pairs(Counter(found.values())) > 0.93


def test_about_one_person_in_twenty_has_a_profile_that_shares_nothing(untouched: Path) -> None:
    hidden = {person for _, person, note in truth(untouched) if note == "fuzzy"}
    everyone = {person for _, person, _ in truth(untouched)}
    assert 0.03 < len(hidden) / len(everyone) < 0.08


def test_hidden_profiles_cannot_be_found_by_any_exact_identifier(untouched: Path) -> None:
    owners = defaultdict(set)
    for profile, kind, value in offers(untouched):
        if (shared := normal(kind, value)) is not None:
            owners[kind, shared].add(profile)
    hidden = {profile for profile, _, note in truth(untouched) if note == "fuzzy"}
    assert not [key for key, profiles in owners.items() if len(profiles) > 1 and profiles & hidden]


def test_families_share_a_number_and_an_office_shares_a_device(
    untouched: Path, people: dict[str, str]
) -> None:
    owners = defaultdict(set)
    users = defaultdict(set)
    for profile, kind, value in offers(untouched):
        if kind == "phone" and (shared := normal(kind, value)) is not None:
            owners[shared].add(people[profile])
        if kind == "device" and profile.startswith("amplitude:users:"):
            users[value].add(profile)
    assert any(len(persons) > 1 for persons in owners.values())
    assert any(len(profiles) > 2 for device, profiles in users.items() if "office" in device)
