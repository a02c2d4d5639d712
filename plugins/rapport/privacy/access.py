"""Access requests: exports everything that is stored about a person as one zip archive.

`person.json` holds the data, `index.html` shows it. Rapport does not send the archive. Check the
person's identity before you hand it over.

>>> write_archive(connection, request, at=now).name  # doctest: +SKIP
'access-1.zip'
"""

import json
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import psycopg
from psycopg import sql

from rapport.errors import ConfigError
from rapport.landing import person_references
from rapport.landing.raw_tables import table_of
from rapport.paths import draft_of, var_dir
from rapport.privacy import person_tables
from rapport.privacy.notice import Held, notice
from rapport.privacy.person import Person, find
from rapport.privacy.requests import Request
from rapport.settings import load_settings

Connection = psycopg.Connection[Any]
# Schemas with intermediate results, which repeat the data of the published ones.
INTERMEDIATE_SCHEMAS = ("build", "build_pii", "intermediate", "identity_build", "segments_build")


@dataclass(frozen=True, slots=True)
class Archive:
    """The data about one person. `records` are by stream, `tables` by table name."""

    company: str
    at: str
    ids: dict[str, list[str]]
    records: dict[str, list[Any]]
    tables: dict[str, list[dict[str, Any]]]
    held: list[Held]


def collect(connection: Connection, who: str, *, at: datetime) -> Archive:
    """Collect all data about a person; raises `ConfigError` as `person.find` does."""
    settings = load_settings()
    person = find(connection, who, region=settings.company.default_region)
    return Archive(
        settings.company.name,
        at.isoformat(timespec="seconds"),
        {name: sorted(getattr(person, name)) for name in ("customers", "profiles")},
        {
            f"{source} {stream}": records
            for source, stream in person_references.streams(settings)
            if (records := _records(connection, person, source, stream))
        },
        {
            f"{table.schema}.{table.name}": rows
            for table in person_tables.tables(connection)
            if table.schema not in INTERMEDIATE_SCHEMAS
            and (rows := person_tables.rows(connection, table, person))
        },
        notice(connection, settings).held,
    )


def write_archive(
    connection: Connection, request: Request, *, at: datetime, folder: Path | None = None
) -> Path:
    """Write the archive of a request, readable by its owner only, and close the request."""
    if request.person is None:
        raise ConfigError(
            f"privacy: request {request.request_id} has no person. Make a new request."
        )
    archive = collect(connection, request.person, at=at)
    folder = folder or var_dir() / "access"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"access-{request.request_id}.zip"
    with (
        draft_of(path, mode=0o600) as draft,
        zipfile.ZipFile(draft, "w", DEFLATED) as content,
    ):
        content.writestr("person.json", _json(archive))
        content.writestr("index.html", _html(archive))
    with connection.transaction():
        connection.execute(
            "insert into privacy.receipts (request_id, store, state, items, answer)"
            " values (%s, 'archive', 'nothing', %s, %s) on conflict do nothing",
            (request.request_id, sum(map(len, archive.records.values())), path.name),
        )
        connection.execute(
            "update privacy.requests set state = 'done', person = null, problem = null,"
            " finished_at = %s where request_id = %s",
            (at, request.request_id),
        )
    return path


DEFLATED = zipfile.ZIP_DEFLATED


def _records(connection: Connection, person: Person, source: str, stream: str) -> list[Any]:
    keys = person.records(source, stream)
    if not keys:
        return []
    statement = sql.SQL(
        "select payload from {} where lower(record_key) = any(%s) and is_latest order by record_key"
    ).format(table_of(source, stream))
    return [row[0] for row in connection.execute(statement, (keys,))]


def _json(archive: Archive) -> str:
    content = {
        "company": archive.company,
        "at": archive.at,
        "ids": archive.ids,
        "what_your_tools_sent_us": archive.records,
        "what_we_made_of_it": archive.tables,
        "why_from_where_and_to_whom": [item.as_dict() for item in archive.held],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def _html(archive: Archive) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("access.html").render(archive=archive)
