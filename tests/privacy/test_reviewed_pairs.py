"""Pairs of two people: an erasure deletes them, and an archive does not name the other one."""

import json
import zipfile

import psycopg

from rapport.privacy.access import write_archive
from rapport.privacy.erase import erase

from .conftest import HOME, MAIL, NOW, TOMS, Held

MARA, TOM = "hubspot:contacts:101", f"files:consent:{TOMS}"
GONE = f"files:consent:{MAIL.lower()}"


def fill(connection: psycopg.Connection[object]) -> None:
    """What matching and its review keep about Mara, Tom, and a record of Mara that is gone."""
    connection.execute(
        "insert into identity.reviewed_pairs values (%s, %s, 'different', 'otto', now()),"
        " (%s, %s, 'same', 'otto', now()),"
        " ('hubspot:contacts:102', 'zendesk:users:202', 'same', 'otto', now())",
        [*sorted((MARA, TOM)), *sorted(("files:consent:anna@example.com", GONE))],
    )
    connection.execute(
        "insert into identity.matches values (%s, %s, 0.9, 1, false, 'r', now(), '{1}')",
        sorted((MARA, TOM)),
    )
    for table, columns, values in (
        ("match_changes", "profile_key", "profile_key"),
        ("match_keys", "profile_key, key", "profile_key, 7"),
        (
            "match_records",
            "profile_key, fingerprint, email, birth, street, postal, emails, accounts, keys",
            f"profile_key, 1, '{MAIL.lower()}', '{HOME[0]}', '{HOME[1]}', '{HOME[2]}',"
            " '{}', '{}', '{7}'",
        ),
    ):
        connection.execute(
            f"insert into identity.{table} ({columns}) select {values}"
            f" from identity.profiles where profile_id = '{MARA}'"
        )


def test_an_erasure_deletes_every_pair_of_the_person_and_no_other(held: Held) -> None:
    fill(held.connection)
    erase(held.connection, held.ask(), at=NOW)
    left = held.connection.execute("select profile_a from identity.reviewed_pairs").fetchall()
    assert left == [("hubspot:contacts:102",)]
    for table in ("matches", "match_changes", "match_keys", "match_records"):
        assert held.one(f"select count(*) from identity.{table}") == 0, table
    text = held.everything().lower()
    assert not [trace for trace in (MAIL, *HOME) if trace.lower() in text]


def test_a_value_that_only_the_person_has_leaves_the_frequencies_of_matching(held: Held) -> None:
    fill(held.connection)
    held.connection.execute(
        "insert into identity.match_records (profile_key, fingerprint, surname, mail, emails,"
        " accounts, keys) select profile_key, 1, 'plain', 'pirate', '{}', '{}', '{}'"
        " from identity.profiles where profile_id = 'hubspot:contacts:102'"
    )
    held.connection.execute(
        "update identity.match_records set surname = 'plain', mail = 'canary7', company = 'plain'"
        f" from identity.profiles where profile_id = '{MARA}'"
        " and match_records.profile_key = profiles.profile_key"
    )
    held.connection.execute(
        "insert into identity.match_frequencies values ('surname', 'plain', 0.1),"
        " ('mail', 'canary7', 0.1), ('company', 'plain', 0.1), ('mail', 'pirate', 0.1)"
    )
    erase(held.connection, held.ask(), at=NOW)
    left = held.connection.execute("select field, value from identity.match_frequencies").fetchall()
    assert sorted(left) == [("mail", "pirate"), ("surname", "plain")]


def test_an_archive_has_the_pairs_of_the_person_without_the_other_one(held: Held) -> None:
    fill(held.connection)
    path = write_archive(held.connection, held.ask(kind="access"), at=NOW)
    with zipfile.ZipFile(path) as archive:
        text = archive.read("person.json").decode()
    made = json.loads(text)["what_we_made_of_it"]
    for table in ("identity.reviewed_pairs", "identity.matches"):
        ends = {made[table][0][name] for name in ("profile_a", "profile_b")}
        assert ends == {MARA, "[another person]"}, table
    assert made["identity.match_records"][0]["street"] == HOME[1]
    assert TOMS not in text
