"""What every source must keep, for each that is found, over HTTP against the sandbox."""

import contextlib
import copy
import hashlib
import itertools
import os
import random
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from rapport.connectors import all_sources
from rapport.errors import GiveUp, RapportError, RetryLater
from rapport.landing import LoadResult, batches, land
from rapport.landing.person_references import Reference, key_prefix, references
from rapport.settings import load_settings
from rapport.vendors.connections import Connection
from rapport.vendors.http import Client
from rapport.vendors.source import Page, Source, Stream
from rapport_sandbox.credentials import demo_connection
from rapport_sandbox.doubles import by_vendor, logins
from rapport_sandbox.lifecycle import call, ensure_company, ensure_running, stop

from ..faults.tally import kill

# The vendor of a database is a database: tests/connectors/postgres/test_source.py.
SOURCES = sorted(set(all_sources()) - {"postgres"})
VENDORS = [name for name in SOURCES if all_sources()[name].needs_connection]
WITH_TOKENS = [
    "acquire", "delighted", "hubspot", "intercom", "qualtrics", "salesforce", "shopify", "stripe",
    "typeform", "zendesk", "zoho",
]  # fmt: skip

# What the tests switch on or set beyond rapport.yml.
OPTIONS: dict[str, dict[str, Any]] = {
    "amplitude": {"start": "2026-03-01"},
    "elma365": {
        "contacts": {
            "namespace": "crm",
            "code": "clients",
            "fields": {"name": "_fullname", "user_id": "shop_login"},
        },
        "requests": {
            "namespace": "service",
            "code": "requests",
            "closed": [3],
            "pending": [2],
            "fields": {"contact": "client", "channel": "channel", "rating": "csi"},
        },
    },
    "hubspot": {
        "feedback_submissions": True,
        "properties": {"feedback_submissions": ["hs_contact_email_rollup"]},
    },
    "salesforce": {"campaign_members": True},
    "matomo": {"start": "2026-03-01"},
}

# What a wrong login is answered with, where that is no 401.
WRONG_LOGIN = {"elma365": "403", "salesforce": "invalid_client", "zoho": "invalid_client"}

# How a connector names the number of records that it asks for at once.
PAGE_SIZE = re.compile(r"LARGEST_(PAGE|LIST|SEARCH|EXPORT|SET)\w*|PAGE_ROWS")
# So many pages a stream has at least, where it has as many records.
PAGES = 12
Shrink = Callable[[str, int], None]

# The sandbox's server outlives the object that started it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def repeating(source: Source) -> Collection[str]:
    """The streams that give a record twice in one pull: each double says which, and why."""
    if source.name == "files":  # they have no double
        return ["subscriptions"]  # one that changed stands in the files of several runs
    return getattr(by_vendor()[source.name], "TWICE", {})


class Killed(BaseException):
    """The process ends here."""


class Sandbox:
    def __init__(self, url: str, root: Path) -> None:
        self.url = url
        self.root = root
        self.waits: list[float] = []

    def control(self, path: str, method: str = "GET", body: Any = None) -> Any:
        return call(f"{self.url}/_sandbox/{path}", method, body)

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.control("clock")["as_of"])

    def fault(self, vendor: str, kind: str, **how: Any) -> None:
        self.control("faults", "POST", {"vendor": vendor, "kind": kind, **how})

    def source(self, name: str) -> Source:
        options = copy.deepcopy(load_settings().source_options(name))
        if name == "files":
            for dataset in options["datasets"].values():
                dataset["path"] = dataset["path"].replace("var/sandbox", str(self.root))
        options |= OPTIONS.get(name, {})
        return all_sources()[name](options)

    def client(self, source: Source, **changed: Any) -> Client:
        login = {"host": "", "extra": {}}
        if source.needs_connection:
            login = demo_connection(source.name, self.url)
        client = source.client(Connection(source.name, **login | changed))
        client._sleep = self.waits.append
        if client._pace is not None:
            client._pace._sleep = lambda seconds: None
        return client

    def held(self, source: Source) -> dict[str, int]:
        """How many records the double holds of each stream, by its own count."""
        since = source.options.get("start", "1970-01-01")
        held: dict[str, int] = self.control(f"held/{source.name}?since={since}")["held"]
        return held

    def pages(self, source: Source, stream: Stream, **changed: Any) -> Iterator[Page]:
        with self.client(source, **changed) as client:
            yield from stream.pages(client, None, self.as_of)


def drawn(places: Sequence[Any], count: int, salt: str = "") -> list[Any]:
    """So many of them by the seed, in their order; all in `make faults`."""
    if os.environ.get("RAPPORT_FAULTS") == "all":
        return list(places)
    some = random.Random(f"{os.environ['RAPPORT_SEED']} {salt}").sample(places, count)
    return [place for place in places if place in some]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    root = tmp_path_factory.mktemp("sandbox")
    # By this seed every stream has at least two records.
    ensure_company(root, people=200, seed=4, start=date(2026, 3, 31))
    yield Sandbox(ensure_running(root), root)
    stop(root)


@pytest.fixture
def sandbox(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox without faults, whose batches are small."""
    monkeypatch.setattr(batches, "BATCH_ROWS", 50)
    server.waits.clear()
    server.control("faults", "DELETE")
    server.control("violations", "DELETE")
    yield server
    server.control("faults", "DELETE")
    server.control("limits", "DELETE")


@pytest.fixture
def shrink(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Shrink:
    """Shrinks the pages of a source to so many records.

    What a source asks for stands in a constant of a module that it uses, which is found by its
    name (`PAGE_SIZE`). Where the vendor decides, the double keeps to the same size.
    """

    def to(name: str, size: int) -> None:
        rooms = (f"rapport.connectors.{name}.", "rapport.vendors.")
        for module in [sys.modules[held] for held in sorted(sys.modules) if held.startswith(rooms)]:
            for constant in filter(PAGE_SIZE.fullmatch, list(vars(module))):
                monkeypatch.setattr(module, constant, size)
        sandbox.control("limits", "POST", {"largest_page": size})

    return to


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, sandbox: Sandbox, shrink: Shrink) -> Source:
    return _shrunk(sandbox, request.param, shrink)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest, sandbox: Sandbox, shrink: Shrink) -> Source:
    return _shrunk(sandbox, request.param, shrink)


def _shrunk(sandbox: Sandbox, name: str, shrink: Shrink) -> Source:
    """A source whose longest stream has a dozen pages."""
    source = sandbox.source(name)
    longest = max(sandbox.held(source).values()) if name in VENDORS else 50 * PAGES
    shrink(name, max(2, longest // PAGES))
    return source


def pull(
    sandbox: Sandbox, source: Source, warehouse: psycopg.Connection[Any], kill_at: int | None = None
) -> dict[str, LoadResult]:
    """Land all streams; `kill_at` ends the process at that page of each stream."""
    results = {}
    with sandbox.client(source) as client:
        for stream in source.streams():
            results[stream.name] = land(
                warehouse,
                source.name,
                stream,
                lambda position, stream=stream: _until(
                    stream.pages(client, position, sandbox.as_of), kill_at
                ),
                run_id="20260331T030000Z-01",
                as_of=sandbox.as_of,
                live_keys=lambda stream=stream: stream.live_keys(client),
            )
    return results


def _until(pages: Iterator[Page], kill_at: int | None) -> Iterator[Page]:
    for number, page in enumerate(pages):
        if number == kill_at:
            raise Killed
        yield page


def complaint(sandbox: Sandbox, source: Source, stream: Stream, shrink: Shrink) -> str | None:
    """What a stream does not find of what the double holds, asked for in small pages."""
    held = sandbox.held(source)[stream.name]
    shrink(source.name, max(1, held // PAGES))
    keys = _keys(sandbox, source, stream)
    if len(set(keys)) != held:
        return f"{source.name} {stream.name}: {len(set(keys))} records of {held} were found"
    if stream.sweep:
        with sandbox.client(source) as client:
            live = {key for keys in stream.live_keys(client) for key in keys}
        if missing := len(set(keys) - live):
            return f"{source.name} {stream.name}: the sweep takes for deleted {missing} of {held}"
    return None


def stopping(method: str, stream: Stream) -> Stream:
    """The stream, but its `pages` or `live_keys` stops after the first page that has records."""

    def stops(self: Stream, *asked: Any) -> Iterator[Any]:
        for page in getattr(super(kind, self), method)(*asked):
            yield page
            if page if method == "live_keys" else page.records:
                return

    kind: Any = type("Stopping", (type(stream),), {method: stops})
    stopped: Stream = kind(**{field.name: getattr(stream, field.name) for field in fields(stream)})
    return stopped


def unnaming(
    sandbox: Sandbox, source: Source, declared: Callable[[str, str], Sequence[Reference]]
) -> set[str]:
    """The declared paths, `<stream> <path>`, at which no record of the double names a person."""
    found = set()
    for stream in source.streams():
        records = documents(sandbox, source, stream)
        for reference in declared(source.name, stream.name):
            if not any(any(reference.values(record)) for record in records):
                found.add(f"{stream.name} {reference.path}")
    return found


def documents(sandbox: Sandbox, source: Source, stream: Stream) -> list[dict[str, Any]]:
    """The records of a stream, decoded."""
    pages = sandbox.pages(source, stream)
    return [msgspec.json.decode(record) for page in pages for record in page.records]


def raw(source: Source, warehouse: psycopg.Connection[Any]) -> dict[str, str]:
    """A hash of what holds in each raw table."""
    found = {}
    for stream in source.streams():
        rows = warehouse.execute(
            f"select record_key, payload::text from raw.{source.name}__{stream.name}"
            " where is_latest and not is_deleted order by record_key"
        ).fetchall()
        found[stream.name] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return found


def forget(warehouse: psycopg.Connection[Any]) -> None:
    """Empty the schema raw."""
    rows = warehouse.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'raw'"
    ).fetchall()
    warehouse.execute(f"truncate {', '.join(row[0] for row in rows)}")


def test_there_are_sources() -> None:
    assert {"amplitude", "files", "hubspot", "typeform", "zendesk"} <= set(SOURCES)
    assert set(VENDORS) <= set(logins()), "a source without a double in the sandbox"


def test_a_source_says_what_it_needs(source: Source) -> None:
    assert source.name in SOURCES
    assert source.documentation.startswith("https://")
    assert bool(source.connection_fields) is source.needs_connection
    fields = {field.partition(".")[0] for field in source.connection_fields}
    assert not fields - {"host", "login", "password", "extra", "schema"}
    names = [stream.name for stream in source.streams()]
    assert names
    assert len(set(names)) == len(names)


def test_pages_end_and_every_record_has_a_key_that_comes_once(
    sandbox: Sandbox, source: Source
) -> None:
    for stream in source.streams():
        pages = list(sandbox.pages(source, stream))
        records = [record for page in pages for record in page.records]
        keys = [stream.read_key(record).key for record in records]
        repeated = len(keys) - len(set(keys))
        if stream.name not in repeating(source):
            assert repeated == 0, stream.name
        assert keys, f"{stream.name} is empty in the sandbox"
        assert [r.reason for page in pages for r in page.rejected] == []


def test_the_double_counts_every_stream_of_a_source(sandbox: Sandbox, vendor: Source) -> None:
    held = sandbox.held(vendor)
    assert sorted(held) == sorted(stream.name for stream in vendor.streams())
    assert [name for name, count in held.items() if count < 2] == []


def test_every_record_that_the_double_holds_is_found(
    sandbox: Sandbox, vendor: Source, shrink: Shrink
) -> None:
    for stream in vendor.streams():
        assert complaint(sandbox, vendor, stream, shrink) is None


def test_a_pager_that_stops_after_a_page_is_noticed(
    sandbox: Sandbox, vendor: Source, shrink: Shrink
) -> None:
    for stream in vendor.streams():
        assert complaint(sandbox, vendor, stopping("pages", stream), shrink), (
            f"{vendor.name} {stream.name}: all records stand on one page. Name the number of "
            f"records to ask for so that the suite can make it smaller: {PAGE_SIZE.pattern}"
        )


def test_a_sweep_that_stops_after_a_page_is_noticed(
    sandbox: Sandbox, vendor: Source, shrink: Shrink
) -> None:
    for stream in filter(lambda stream: stream.sweep, vendor.streams()):
        stops = stopping("live_keys", stream)
        assert "takes for deleted" in (complaint(sandbox, vendor, stops, shrink) or "")


def test_a_pager_that_stops_after_a_page_of_each_form_is_noticed(
    sandbox: Sandbox, shrink: Shrink, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sandbox.source("typeform")
    forms, responses = source.streams()
    whole = type(responses)._of_form
    monkeypatch.setattr(
        type(responses), "_of_form", lambda *asked: itertools.islice(whole(*asked), 1)
    )
    assert complaint(sandbox, source, forms, shrink) is None
    assert complaint(sandbox, source, responses, shrink)


def test_every_declared_path_leads_to_a_person(sandbox: Sandbox, vendor: Source) -> None:
    unnamed = getattr(by_vendor()[vendor.name], "UNNAMED", {})
    found = unnaming(sandbox, vendor, references)
    assert found == set(unnamed), (
        "A path in the person references finds nobody in the double's records, so erasure would "
        "find nobody. Correct the path, or let the double have what the vendor has there; where it "
        "honestly has not, its UNNAMED says why."
    )


def test_a_path_that_leads_nowhere_is_noticed(sandbox: Sandbox) -> None:
    def mistaken(source: str, stream: str) -> Sequence[Reference]:
        declared = references(source, stream)
        return [replace(one, path=one.path.replace("[]", "")) for one in declared]

    assert unnaming(sandbox, sandbox.source("typeform"), mistaken) == {"responses answers.email"}


def test_an_id_of_another_stream_is_that_of_one_of_its_records(
    sandbox: Sandbox, vendor: Source
) -> None:
    keys = {f"{vendor.name}:{s.name}": _keys(sandbox, vendor, s) for s in vendor.streams()}
    for stream in vendor.streams():
        records = documents(sandbox, vendor, stream)
        for reference in references(vendor.name, stream.name):
            if reference.namespace not in keys.keys() - {f"{vendor.name}:{stream.name}"}:
                continue  # one that was merged into another record of the stream may be gone
            known = {key.lower() for key in keys[reference.namespace]}
            prefix = key_prefix(reference.namespace).lower()
            known |= {key.removeprefix(prefix) for key in known}
            named = {id for record in records for id in reference.values(record)}
            assert not named or named & known, f"{vendor.name} {stream.name} {reference}"


def test_no_request_breaks_a_rule_of_the_vendor(sandbox: Sandbox, vendor: Source) -> None:
    for stream in vendor.streams():
        list(sandbox.pages(vendor, stream))
    assert sandbox.control("violations")["violations"] == []


def test_a_second_run_changes_nothing(
    sandbox: Sandbox, source: Source, warehouse: psycopg.Connection[Any]
) -> None:
    first = pull(sandbox, source, warehouse)
    before = raw(source, warehouse)
    second = pull(sandbox, source, warehouse)
    assert all(result.landed > 0 for result in first.values()), first
    if source.needs_connection:
        assert {name: result.landed for name, result in first.items()} == sandbox.held(source)
    assert all(result.landed == result.deleted == 0 for result in second.values()), second
    assert raw(source, warehouse) == before
    for result in [*first.values(), *second.values()]:
        assert result.read == result.landed + result.unchanged + result.rejected


def test_a_run_that_was_killed_at_any_page_and_run_again_gives_the_same_rows(
    sandbox: Sandbox,
    source: Source,
    warehouse: psycopg.Connection[Any],
    record_property: Any,
) -> None:
    pull(sandbox, source, warehouse)
    whole = raw(source, warehouse)
    for kill_at in drawn((0, 1, 2, 3, 5, 8), 3, source.name):
        forget(warehouse)
        with sandbox.client(source) as client:
            for stream in source.streams():
                pages = _until(stream.pages(client, None, sandbox.as_of), kill_at)
                place = f"{source.name} {stream.name} page {kill_at}"
                try:
                    land(warehouse, source.name, stream, pages, run_id="k", as_of=sandbox.as_of)
                except Killed:
                    record_property(*kill("pull, at any page", place))
        pull(sandbox, source, warehouse)
        assert raw(source, warehouse) == whole, f"killed at page {kill_at}"


@pytest.mark.parametrize("style", drawn(("seconds", "date"), 1))
def test_a_429_is_waited_out(sandbox: Sandbox, vendor: Source, style: str) -> None:
    stream = vendor.streams()[0]
    whole = _keys(sandbox, vendor, stream)
    for after in (0, 2):
        sandbox.fault(
            vendor.name, "429", after=after, times=1, retry_after=11, retry_after_style=style
        )
    assert _keys(sandbox, vendor, stream) == whole
    assert sandbox.waits
    assert all(wait == pytest.approx(11, abs=2) for wait in sandbox.waits)


@pytest.mark.parametrize(
    "kind", drawn(("500", "503", "429_no_retry_after", "html", "cut_json", "cut_body"), 2)
)
def test_what_heals_is_tried_again_and_nothing_is_lost(
    sandbox: Sandbox, vendor: Source, kind: str
) -> None:
    stream = vendor.streams()[0]
    whole = _keys(sandbox, vendor, stream)
    sandbox.fault(vendor.name, kind, after=1, times=2)
    assert _keys(sandbox, vendor, stream) == whole


def test_what_does_not_heal_is_left_for_later_and_nothing_of_the_page_is_kept(
    sandbox: Sandbox, vendor: Source, warehouse: psycopg.Connection[Any]
) -> None:
    for kind in ("500", "html", "cut_json", "cut_body"):
        sandbox.control("faults", "DELETE")
        sandbox.fault(vendor.name, kind, times=10_000)
        with pytest.raises(RetryLater):
            pull(sandbox, vendor, warehouse)
        assert all(found.startswith("0 ") for found in raw(vendor, warehouse).values()), kind


@pytest.mark.parametrize("kind", drawn(("expired_token", "403"), 1))
def test_a_login_that_is_refused_gives_up_at_once(
    sandbox: Sandbox, vendor: Source, kind: str
) -> None:
    sandbox.fault(vendor.name, kind, times=10_000)
    for stream in vendor.streams():
        sandbox.control("reset-calls", "POST")
        with pytest.raises(GiveUp, match=vendor.name):
            list(sandbox.pages(vendor, stream))
        calls = sandbox.control("calls")["calls"].get(vendor.name, {})
        assert sum(calls.values()) <= 1
    assert sandbox.waits == []


def test_a_wrong_token_gives_up_and_is_not_repeated_to_anyone(
    sandbox: Sandbox, vendor: Source, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(GiveUp, match=WRONG_LOGIN.get(vendor.name, "401")) as caught:
        list(sandbox.pages(vendor, vendor.streams()[0], password="wr0ng-canary"))
    assert "wr0ng-canary" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("name", WITH_TOKENS)
def test_a_token_that_is_given_twice_stops(sandbox: Sandbox, name: str, shrink: Shrink) -> None:
    source = _shrunk(sandbox, name, shrink)
    sandbox.fault(name, "repeat_token", times=10_000)
    said = []
    for stream in source.streams():
        try:
            for number, _ in enumerate(sandbox.pages(source, stream)):
                assert number < 400, f"{stream.name} does not end"
            if stream.sweep:
                with sandbox.client(source) as client:
                    list(itertools.islice(stream.live_keys(client), 400))
        except GiveUp as error:
            said.append(str(error))
    assert said
    assert all("pagination loop" in message for message in said)


def test_rows_that_shift_between_pages_leave_no_gap(sandbox: Sandbox, vendor: Source) -> None:
    for stream in vendor.streams():
        whole = _keys(sandbox, vendor, stream)
        sandbox.fault(vendor.name, "shift_page", times=10_000)
        assert set(_keys(sandbox, vendor, stream)) == set(whole)
        sandbox.control("faults", "DELETE")


def test_a_vendor_that_shows_nothing_loses_nothing(
    sandbox: Sandbox, vendor: Source, warehouse: psycopg.Connection[Any]
) -> None:
    pull(sandbox, vendor, warehouse)
    before = raw(vendor, warehouse)
    sandbox.fault(vendor.name, "empty", times=10_000)
    with contextlib.suppress(RapportError):
        pull(sandbox, vendor, warehouse)
    assert raw(vendor, warehouse) == before


@pytest.mark.timeout(1200)  # all vendors in turn, three times
def test_three_nights_give_what_one_pull_of_the_third_gives(
    tmp_path: Path, warehouse: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_company(tmp_path, people=60, seed=11, start=date(2026, 3, 31))
    sandbox = Sandbox(ensure_running(tmp_path), tmp_path)
    try:
        for night in range(3):
            if night:
                sandbox.control("next-night", "POST")
            for name in SOURCES:
                pull(sandbox, sandbox.source(name), warehouse)
        nightly = {name: raw(sandbox.source(name), warehouse) for name in SOURCES}
        forget(warehouse)
        for name in SOURCES:
            pull(sandbox, sandbox.source(name), warehouse)
        whole = {name: raw(sandbox.source(name), warehouse) for name in SOURCES}
    finally:
        stop(tmp_path)
    for name in SOURCES:
        if name == "amplitude":  # a year before the nights is not asked for again
            continue
        assert nightly[name] == whole[name], name


def _keys(sandbox: Sandbox, source: Source, stream: Stream) -> list[str]:
    pages = list(sandbox.pages(source, stream))
    return [stream.read_key(record).key for page in pages for record in page.records]
