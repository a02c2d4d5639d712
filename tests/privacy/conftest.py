"""Mara is to be erased, Tom is to stay: the same phone, and each in every store there is."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests.mapped import lander

from rapport.connectors import open_source
from rapport.landing import ensure_tables, person_references
from rapport.landing.load import land
from rapport.landing.raw_tables import create_table
from rapport.privacy.requests import Request, request
from rapport.settings import load_settings
from rapport.vendors.source import Page, Rejected
from rapport.warehouse import migrate

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
MAIL, OLD_MAIL, TOMS = "Mara.Canary@example.com", "canary.old@example.org", "tom@example.com"
PHONE = "+4930901820"
HOME = ("1931-12-24", "Kanarienweg 7", "01067-kanaria")
HOME_OF_HUBSPOT = ("date_of_birth", "address", "zip")
CANARIES = (MAIL.lower(), OLD_MAIL, "u_mara", "Canary", *HOME)

Records = dict[tuple[str, str], list[Any]]


def records(mail: str = MAIL, who: str = "mara", number: int = 1) -> Records:
    """What the vendors send about one person."""
    shop = {"customer_id": f"u_{who}", "country": "DE", "created_at": "2026-01-01T00:00:00Z"}
    return {
        ("hubspot", "contacts"): [
            {"id": str(100 + number), "updatedAt": "2026-03-01T00:00:00Z",
             "properties": {"email": mail, "app_user_id": f"u_{who}", "phone": PHONE,
                            "lastname": "Canary" if who == "mara" else "Plain",
                            **(dict(zip(HOME_OF_HUBSPOT, HOME, strict=True))
                               if who == "mara" else {})}},
        ],
        ("zendesk", "users"): [
            {"id": 200 + number, "email": mail, "external_id": f"u_{who}", "phone": PHONE},
        ],
        ("zendesk", "tickets"): [
            {"id": 300 + number, "requester_id": 200 + number, "subject": f"from {who}"},
        ],
        ("zendesk", "ticket_metrics"): [{"id": 400 + number, "ticket_id": 300 + number}],
        ("typeform", "responses"): [
            {"token": f"t{number}", "form_id": "f", "hidden": {"email": mail}, "answers": []},
        ],
        ("amplitude", "events"): [
            {"uuid": f"e{number}", "user_id": f"u_{who}", "device_id": "shared-tablet"},
        ],
        ("files", "shop_customers"): [{**shop, "email": mail, "name": who}],
    }  # fmt: skip


def send(connection: psycopg.Connection[Any], *many: Records, as_of: datetime = NIGHT) -> int:
    """Land them as a night would, all streams read whole; how many records landed."""
    connection.execute("delete from raw.watermarks")
    settings = load_settings()
    landed = 0
    for source, name in {key: None for some in many for key in some}:
        stream = next(
            one for one in open_source(source, settings).streams()
            if one.name == name
        )  # fmt: skip
        landed_as = lander(f"{source}__{name}", settings)
        found = [
            json.dumps(landed_as("", one)).encode()
            for some in many
            for one in some.get((source, name), ())
        ]
        broken = Rejected(f"broken {MAIL}".encode(), "cut off", None)
        pages = [Page(found, rejected=[broken] if source == "hubspot" else [])]
        result = land(connection, source, stream, pages, run_id="r", as_of=as_of)
        landed += result.landed
    return landed


SCHEMA = """
create table identity_build.int_identifiers_normalised
    (profile_key bigint, identifier_key bigint, excluded_key bigint);
create table marts.dim_customers (customer_id text primary key, country text);
create table marts_pii.dim_customer_contacts
    (customer_id text primary key, email text, phone text, full_name text, user_id text,
    birth_date date, street text, postal_code text);
create table marts.mart_nps_daily (day date, nps numeric);
insert into identity.rules (identifier_type, weight, cap, is_weak, is_marker)
select kind, 1, 10, false, 'never' from unnest(array['email', 'phone', 'user_id']) as kind
on conflict do nothing;
insert into marts.mart_nps_daily values ('2026-03-30', 42);
"""


def know(
    connection: psycopg.Connection[Any], customer: str, profiles: list[str], offers: dict[str, str]
) -> None:
    """One customer, in identity, marts, segments and ledger, as nights would have left it."""
    for profile in profiles:
        key = connection.execute(
            "insert into identity.profiles (profile_id) values (%s) returning profile_key",
            (profile,),
        ).fetchone()[0]  # type: ignore[index]
        connection.execute(
            "insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)"
            " values (%s, %s, %s, %s, 1)",
            (profile, customer, NIGHT, key),
        )
        for value, kind in offers.items():
            offered = connection.execute(
                "insert into identity.identifiers (identifier_type, normal_form)"
                " values (%s, %s) on conflict (identifier_type, normal_form)"
                " do update set normal_form = excluded.normal_form returning identifier_key",
                (kind, value.lower()),
            ).fetchone()[0]  # type: ignore[index]
            connection.execute(
                "insert into identity.normal_forms values (%s, %s, '', %s, null, %s)"
                " on conflict do nothing",
                (kind, value, value.lower(), offered),
            )
            connection.execute(
                "insert into identity_build.int_identifiers_normalised values (%s, %s, null)",
                (key, offered),
            )
    connection.execute(
        "insert into identity.aliases values (%s, %s, %s, %s)",
        (customer, customer, NIGHT, profiles[0]),
    )
    mail = next(value for value, kind in offers.items() if kind == "email")
    connection.execute("insert into marts.dim_customers values (%s, 'DE')", (customer,))
    connection.execute(
        "insert into marts_pii.dim_customer_contacts values (%s, %s, %s, %s, null, %s, %s, %s)",
        (
            customer,
            mail.lower(),
            PHONE,
            "Mara Canary" if "mara" in customer else "Tom Plain",
            *(HOME if "mara" in customer else (None, None, None)),
        ),
    )
    connection.execute(
        "insert into segments.membership"
        " (segment, customer_id, entered_at, arm, traits, changed_at)"
        " values ('readers', %s, %s, 'treated', '{}', %s)",
        (customer, NIGHT, NIGHT),
    )
    connection.execute(
        "insert into activation.ledger"
        " (destination, segment, customer_id, state, remote_id, content_hash)"
        " values ('files', 'readers', %s, 'sent', %s, md5('x')::uuid)",
        (customer, f"remote-{customer}"),
    )
    connection.execute(
        "insert into activation.sync_changelog"
        " (sync_id, sync_run_id, op_type, row_id, status, at)"
        " values ('files/readers', 'r', 'added', %s, 'succeeded', %s)",
        (customer, NIGHT),
    )


@dataclass
class Held:
    """A warehouse and a folder that hold both people."""

    connection: psycopg.Connection[Any]
    var: Path

    def ask(self, who: str = MAIL, kind: Any = "erase") -> Request:
        return request(self.connection, kind, who, at=NOW)

    def one(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()  # type: ignore[call-overload]
        return row[0] if row else None

    def everything(self) -> str:
        """Every row of every table and every file, as one text."""
        tables = self.connection.execute(
            "select schemaname, tablename from pg_tables where schemaname !~ '^pg_'"
            " and schemaname <> 'information_schema'"
        ).fetchall()
        found = []
        for schema, table in tables:
            rows = self.connection.execute(
                f"select t::text from {schema}.{table} as t"  # type: ignore[call-overload]
            )
            found += [f"{schema}.{table}: {row[0]}" for row in rows]
            if (schema, table) == ("raw", "rejected_records"):
                originals = self.connection.execute("select original from raw.rejected_records")
                found += [bytes(row[0]).decode(errors="replace") for row in originals]
        for path in self.var.rglob("*"):
            if path.is_file():
                found.append(f"{path}: {path.read_bytes().decode(errors='replace')}")
        return "\n".join(found)


@pytest.fixture
def held(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Held:
    var = tmp_path / "var"
    monkeypatch.setenv("RAPPORT_VAR", str(var))
    settings = {"destinations": {"files": {"path": "var/exports"}}, "sources": {"hubspot": {}}}
    datasets = {
        "shop_customers": {
            "path": "in/*.csv", "format": "csv", "entity": "contacts", "namespace": "shop",
            "key": ["customer_id"],
            "columns": {"customer_id": "customer_id", "user_id": "customer_id", "email": "email"},
        }
    }  # fmt: skip
    settings["sources"] |= {"files": {"datasets": datasets}, "zendesk": {}, "typeform": {}}
    settings["sources"] |= {"amplitude": {}}
    (tmp_path / "rapport.yml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "rapport.yml"))
    migrate()
    ensure_tables(warehouse, load_settings())
    for source, stream in person_references.streams():
        create_table(warehouse, source, stream)
    warehouse.execute(SCHEMA)
    send(warehouse, records(), records(TOMS, "tom", 2))
    warehouse.execute(
        "update raw.zendesk__tickets set payload = payload || %s where record_key = '302'",
        (json.dumps({"description": f"My friend {MAIL} said hello"}),),
    )
    know(
        warehouse,
        "c_mara",
        ["hubspot:contacts:101", "zendesk:users:201", "files:shop:u_mara"],
        {MAIL: "email", OLD_MAIL: "email", "u_mara": "user_id", PHONE: "phone"},
    )
    know(
        warehouse,
        "c_tom",
        ["hubspot:contacts:102", "zendesk:users:202"],
        {TOMS: "email", "u_tom": "user_id", PHONE: "phone"},
    )
    warehouse.execute(
        "insert into identity.aliases values ('c_before_merge', 'c_mara', %s, 'files:shop:u_mara')",
        (NIGHT,),
    )
    folder = var / "exports" / "readers" / "files" / "2026-03-31"
    folder.mkdir(parents=True)
    lines = ["customer_id,email", f"c_mara,{MAIL}", f"c_tom,{TOMS}"]
    (folder / "readers__files__r__full.csv").write_text("\n".join(lines) + "\n")
    entry = {"name": "readers__files__r__full.csv", "rows": 2, "bytes": 1, "sha256": "x"}
    (folder / "manifest.json").write_text(json.dumps({"files": [entry]}))
    report = var / "runs" / "r" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text(f"<p>{MAIL}</p><p>{TOMS}</p>")
    return Held(warehouse, var)


@pytest.fixture
def counts(held: Held) -> Callable[[], dict[str, int]]:
    """How many rows each table of people has."""

    def count() -> dict[str, int]:
        return {
            table: held.one(f"select count(*) from {table}")
            for table in ("marts.dim_customers", "raw.zendesk__tickets", "identity.members")
        }

    return count
