"""The invented company: repeatable, bounded, and moved on by one day's changes."""

import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import phonenumbers
import pytest

from rapport.errors import ConfigError
from rapport_sandbox import clock, company, messaging
from rapport_sandbox.company import DATABASE, Company, next_night
from rapport_sandbox.names import PHONES, fold, phone_digits, transliterate, write_phone
from rapport_sandbox.store import STREAMS, decode

pytestmark = pytest.mark.slow

START = date(2026, 3, 31)
ALLOWED = re.compile(r"(.+@)?(example\.(com|org|net)|[a-z0-9-]+\.example|test\.com)$")
TABLES = (*STREAMS, "meta", "people", "agenda", "truth", "amplitude_events", "intercom_contacts")


def hashes(root: Path) -> dict[str, str]:
    """One SHA-256 a table and a file."""
    found = {}
    with closing(sqlite3.connect(root / DATABASE)) as database:
        for table in TABLES:
            digest = hashlib.sha256()
            for row in database.execute(f"select * from {table} order by 1, 2"):
                digest.update(repr(row).encode())
            found[table] = digest.hexdigest()
    for path in sorted((root / "files").rglob("*.*")):
        found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def rows(root: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(root / DATABASE)) as database:
        return database.execute(sql).fetchall()


def test_the_same_seed_and_start_give_the_same_bytes(untouched: Path, tmp_path: Path) -> None:
    Company.generate(tmp_path / "again", 600, seed=7, start=START)
    assert hashes(tmp_path / "again") == hashes(untouched)


def test_another_seed_gives_another_company(untouched: Path, tmp_path: Path) -> None:
    Company.generate(tmp_path / "other", 600, seed=8, start=START)
    other, first = hashes(tmp_path / "other"), hashes(untouched)
    assert all(other[name] != first[name] for name in first if name != "files/shop/products.csv")


def test_the_same_nights_give_the_same_bytes(root: Path, untouched: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(untouched, tmp_path / "twin"))
    for folder in (root, twin):
        next_night(folder)
        next_night(folder)
    assert hashes(root) == hashes(twin)


def test_the_first_night_is_three_in_the_morning_of_the_start(untouched: Path) -> None:
    held = Company.load(untouched)
    assert clock.seconds_iso(held.as_of) == "2026-03-31T03:00:00Z"
    assert held.night == 1


def test_the_reply_time_of_a_ticket_is_that_of_its_first_public_answer(untouched: Path) -> None:
    requesters = {
        id: (decode(body)["requester_id"], decode(body)["created_at"])
        for id, body in rows(untouched, "select id, body from zendesk_tickets")
    }
    answered: dict[int, int] = {}
    for moment, body in rows(untouched, "select updated, body from zendesk_comments order by 1"):
        comment = decode(body)
        ticket = comment["ticket_id"]
        if comment["public"] and comment["author_id"] != requesters[ticket][0]:
            answered.setdefault(ticket, moment)
    metrics = [decode(b) for (b,) in rows(untouched, "select body from zendesk_ticket_metrics")]
    assert len(metrics) > 100 and len(answered) > 100
    for metric in metrics:
        told = metric["reply_time_in_minutes"]
        ticket = metric["ticket_id"]
        if ticket not in answered:
            assert told == {"calendar": None, "business": None}
            continue
        asked = clock.parse_iso(requesters[ticket][1])
        assert told["calendar"] == (answered[ticket] - asked) // clock.MINUTE
        assert 0 <= told["business"] <= told["calendar"]


def test_a_night_moves_only_a_delta(root: Path) -> None:
    before = {stream: dict(rows(root, f"select id, body from {stream}")) for stream in STREAMS}
    files = hashes(root)
    since = Company.load(root).as_of
    changes = next_night(root)
    assert Company.load(root).as_of == since + clock.DAY
    for stream in STREAMS:
        after = dict(rows(root, f"select id, body from {stream}"))
        changed = {id for id, body in after.items() if before[stream].get(id) != body}
        assert len(changed) <= max(40, 0.1 * len(after)), stream
        late = rows(root, f"select count(*) from {stream} where updated >= {since}")[0][0]
        assert late >= len(changed & before[stream].keys()), stream
    assert changes["zendesk_tickets"] > 0
    assert changes["amplitude_events"] > 0
    assert changes["new_people"] == 3
    written = hashes(root)
    assert all(written[name] == files[name] for name in files if name.startswith("files/"))
    assert (root / "files/shop/orders-2026-04-01.csv.gz").exists()


def test_nothing_is_dated_after_the_night(root: Path) -> None:
    for _ in range(3):
        next_night(root)
    as_of = Company.load(root).as_of
    for stream in STREAMS:
        assert rows(root, f"select count(*) from {stream} where updated >= {as_of}") == [(0,)]


def test_a_night_that_fails_leaves_the_night_before(
    root: Path, untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashes(root)

    def fail(*_: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(messaging, "unsubscribe_some", fail)
    with pytest.raises(OSError, match="full"):
        next_night(root)
    assert hashes(root) == before
    monkeypatch.undo()
    next_night(root)
    twin = Path(shutil.copytree(untouched, tmp_path / "twin"))
    next_night(twin)
    assert hashes(root) == hashes(twin)


def test_a_generation_cut_short_leaves_no_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(messaging, "add_standard_attributes", fail)
    with pytest.raises(OSError, match="full"):
        Company.generate(tmp_path / "half", 50, seed=7, start=START)
    with pytest.raises(ConfigError, match="no invented company"):
        Company.load(tmp_path / "half")
    monkeypatch.undo()
    assert Company.generate(tmp_path / "half", 50, seed=7, start=START).people == 50


def test_memory_does_not_grow_with_the_people(tmp_path: Path) -> None:
    def peak(people: int) -> float:
        program = (
            "import resource, sys; from datetime import date; from pathlib import Path;"
            "from rapport_sandbox.company import Company;"
            f"Company.generate(Path(sys.argv[1]), {people}, 7, date(2026, 3, 31));"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        folder = tmp_path / str(people)
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder)], check=True, capture_output=True, text=True
        )
        shutil.rmtree(folder)
        unit = 1024**2 if sys.platform == "darwin" else 1024
        return int(done.stdout) / unit

    assert peak(10_000) - peak(1_000) < 12


def test_every_address_belongs_to_nobody(untouched: Path) -> None:
    texts = [row[0] for s in STREAMS for row in rows(untouched, f"select body from {s}")]
    texts += [
        path.read_text("utf-8") for path in (untouched / "files").rglob("*.csv") if path.is_file()
    ]
    found = {m for text in texts for m in re.findall(r"[\w.+-]+@[\w.-]+\w", text)}
    assert len(found) > 500
    assert not [address for address in found if not ALLOWED.match(address.lower())]


@pytest.mark.parametrize("country", sorted(PHONES))
def test_every_notation_of_a_number_reads_as_the_same_valid_number(country: str) -> None:
    for slot in range(0, 4_000_000, 39_119):
        digits = phone_digits(country, slot)
        seen = [
            phonenumbers.parse(write_phone(country, digits, style), "DE")
            for style in ("e164", "spaced", "zero", "double_zero", "local", "dashed")
        ]
        assert len({(n.country_code, n.national_number) for n in seen}) == 1
        assert phonenumbers.is_valid_number(seen.pop())


def test_two_people_never_get_the_same_number_by_chance() -> None:
    for country in PHONES:
        assert len({phone_digits(country, slot) for slot in range(50_000)}) == 50_000


def test_cyrillic_names_have_a_latin_spelling() -> None:
    assert transliterate("Журавлёв") == "Zhuravlev"
    assert fold("Dąbrowski-Weiß") == "dabrowskiweiss"


def test_something_happens_in_the_last_minute_before_some_night(root: Path) -> None:
    for _ in range(5):
        as_of = Company.load(root).as_of
        blind = rows(root, f"select 1 from zendesk_tickets where updated >= {as_of - clock.MINUTE}")
        if blind:
            return
        next_night(root)
    pytest.fail("no ticket ever changed in the minute that an export leaves out")


def test_forgotten_people_vanish_from_the_crm_and_stay_as_a_shell_at_the_desk(root: Path) -> None:
    for _ in range(8):
        next_night(root)
    shells = rows(root, "select id from zendesk_users where body like '%Permanently Deleted User%'")
    assert shells
    for (id,) in shells:
        contact = 1_000_000 + (id - 20_000_000) * 10
        assert rows(root, f"select 1 from hubspot_contacts where id = {contact}") == []


def test_merged_contacts_leave_only_their_id(untouched: Path) -> None:
    merged = rows(
        untouched,
        "select json_extract(body, '$.properties.hs_merged_object_ids') from hubspot_contacts"
        " where json_extract(body, '$.properties.hs_merged_object_ids') <> ''",
    )
    assert merged
    for (loser,) in merged:
        assert rows(untouched, f"select 1 from hubspot_contacts where id = {loser}") == []


def test_generating_twice_into_one_folder_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="already has a company"):
        Company.generate(root, 10, seed=1, start=START)


def test_the_batch_size_does_not_change_the_company(
    untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "BATCH", 37)
    Company.generate(tmp_path / "small", 600, seed=7, start=START)
    assert hashes(tmp_path / "small") == hashes(untouched)
