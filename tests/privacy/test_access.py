"""One archive holds what is held about the person, nothing of anybody else, and runs nothing."""

import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from rapport import privacy
from rapport.privacy.access import write_archive
from rapport.privacy.notice import notice

from .conftest import HOME, MAIL, NOW, TOMS, Held, records, send

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def opened(path: Path) -> tuple[dict[str, Any], str]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("person.json")), archive.read("index.html").decode()


def test_the_archive_has_everything_of_the_person_and_nothing_of_others(held: Held) -> None:
    path = write_archive(held.connection, held.ask(kind="access"), at=NOW)
    assert path.stat().st_mode & 0o077 == 0
    content, page = opened(path)
    sent = content["what_your_tools_sent_us"]
    assert {name.split()[0] for name in sent} == {
        "hubspot", "zendesk", "typeform", "amplitude", "files",
    }  # fmt: skip
    assert sent["zendesk tickets"] == [{"id": 301, "requester_id": 201, "subject": "from mara"}]
    made = content["what_we_made_of_it"]
    held_of_her = made["marts_pii.dim_customer_contacts"][0]
    assert held_of_her["full_name"] == "Mara Canary"
    assert tuple(held_of_her[name] for name in ("birth_date", "street", "postal_code")) == HOME
    assert made["activation.ledger"][0]["remote_id"] == "remote-c_mara"
    for text in (json.dumps(content), page):
        assert MAIL.lower() in text.lower()
        assert TOMS not in text
        assert "c_tom" not in text
    assert held.one("select state from privacy.requests") == "done"
    assert held.one("select person from privacy.requests") is None


class Elements(HTMLParser):
    """The elements of a page, and every attribute that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.running: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.running += [name for name, _ in attrs if name.startswith("on")]


def test_what_a_stranger_wrote_is_text_in_the_page(held: Held) -> None:
    hostile = records()
    hostile["zendesk", "tickets"][0]["subject"] = SCRIPT
    send(held.connection, hostile)
    held.connection.execute(
        "update marts_pii.dim_customer_contacts set full_name = %s where customer_id = 'c_mara'",
        (SCRIPT,),
    )
    _, page = opened(write_archive(held.connection, held.ask(kind="access"), at=NOW))
    elements = Elements()
    elements.feed(page)
    assert {"script", "img"}.isdisjoint(elements.seen)
    assert not elements.running
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_an_erasure_takes_the_archives_of_the_person_away(held: Held) -> None:
    held.connection.execute("delete from raw.zendesk__tickets where payload::text ~ 'friend'")
    mine = write_archive(held.connection, held.ask(kind="access"), at=NOW)
    toms = write_archive(held.connection, held.ask(TOMS, kind="access"), at=NOW)
    held.ask()
    assert privacy.work(held.connection, at=NOW)["done"] == 1
    assert not mine.exists()
    assert toms.exists()


def test_the_notice_says_what_is_held_and_for_how_long_without_naming_anybody(held: Held) -> None:
    text = notice(held.connection).markdown()
    assert "dim_customers" in text or "customer" in text
    assert "Former versions of a record: until you ask" in text
    assert "within 30 days" in text
    assert "@" not in text
