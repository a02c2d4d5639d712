"""Segments: members, the plan of the newest run, export files, and approval of lists."""

import json
from pathlib import Path
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from psycopg.rows import dict_row

from rapport.activation.answers.list_problems import standings
from rapport.activation.answers.overview import overview
from rapport.activation.planning import approval
from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.rendering import source_of
from rapport.errors import ConfigError
from rapport.pages.access import is_sealed, must, seal, subject_of
from rapport.pages.database import Connection
from rapport.pages.metrics import Line, Measure, Plot
from rapport.pages.request import desk, look, look_at_ledgers, reader, refuse_other_sites, show
from rapport.paths import under_project
from rapport.runs.ledgers import newest
from rapport.runs.overview import read_run
from rapport.warehouse.tables import is_there

LISTS = "marketing_reader"  # everybody sees how many, with this role
SAMPLE = 10
OVERLAP_OF = 10_000
MOST_EXPORTS = 30
LONGEST_REASON = 500
router = APIRouter()


@router.get("/segments")
def every(request: Request) -> HTMLResponse:
    """All segments, those that wait first."""
    with look(request, LISTS) as connection:
        rows = overview(connection, desk(request).segments())
        held_up = standings(connection, desk(request).segments(), desk(request).settings)
        waiting = {row["segment"] for row in approval.pending(connection)}
    rows.sort(key=lambda row: row["segment"] not in waiting)
    return show(request, "segments.html", segments=rows, waiting=waiting, held_up=held_up)


@router.get("/segments/{key}")
def one(request: Request, key: str, said: str | None = None) -> HTMLResponse:
    """One segment, in words and in SQL."""
    segment = known(request, key)
    who = reader(request)
    with look_at_ledgers(request) as connection:
        run_id = newest(connection)
        lists = [
            entry
            for entry in (read_run(connection, run_id).lists if run_id else [])
            if entry["segment"] == key
        ]
    with look(request, LISTS) as connection:
        waiting = [row for row in approval.pending(connection) if row["segment"] == key]
        sizes = _sizes(connection, key)
        overlap, sampled = _overlap(connection, key)
        lift = _lift(connection, key)
        decided = _rows(connection, DECIDED, {"segment": key})
    sample = preview(request, segment) if who.sees_people else []
    files = exports(request, segment) if who.may_download else []
    token = seal(desk(request).secret(), who, _subject(key, waiting)) if waiting else ""
    return show(
        request, "segment.html", segment=segment, sql=source_of(segment), sizes=sizes,
        lists=lists, waiting=waiting, overlap=overlap, sampled=sampled, lift=lift,
        decided=decided, sample=sample, exports=files,
        token=token, said=said if said in ("approved", "declined") else None,
    )  # fmt: skip


def known(request: Request, key: str) -> Segment:
    """The segment of that key; raises `ConfigError`."""
    found = desk(request).segments()
    if key in found.segments:
        return found.segments[key]
    if problem := found.problems.get(f"seg_{key}"):
        raise ConfigError(f"the segment cannot be read: {problem}")
    raise ConfigError("there is no such segment.")


def preview(request: Request, segment: Segment) -> list[dict[str, Any]]:
    """A few members, with names where they may be seen."""
    who = reader(request)
    with look(request) as connection:
        rows = members(connection, segment.key, "", SAMPLE)
        if who.sees_contacts and rows:
            names = _rows(connection, NAMES, {"ids": [row["customer_id"] for row in rows]})
            by_id = {row["customer_id"]: row["full_name"] for row in names}
            rows = [{**row, "full_name": by_id.get(row["customer_id"])} for row in rows]
    if who.sees_contacts and rows:
        desk(request).warehouse.note(
            who, "list", [row["customer_id"] for row in rows], subject=segment.key
        )
    return rows


def members(connection: Connection, key: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Members in order of their ids, from `after` on."""
    return _rows(connection, MEMBERS, {"segment": key, "after": after, "limit": limit})


@router.post("/segments/{key}/decision")
def decide(
    request: Request,
    key: str,
    word: Annotated[str, Form()],
    token: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=LONGEST_REASON)] = "",
) -> Response:
    """Approve or decline what waits, as `rapport approve` does; of what was seen, nothing else."""
    who = reader(request)
    must(who.may_approve, "approving needs permission to trigger activate_segments")
    refuse_other_sites(request)
    if word not in ("approve", "decline"):
        raise HTTPException(422, "word: expected approve or decline")
    segment = known(request, key)
    if not reason.strip():
        raise HTTPException(422, "a decision needs a reason, which is stored with it")
    with desk(request).warehouse.write() as connection:
        waiting = [row for row in approval.pending(connection) if row["segment"] == segment.key]
        if not is_sealed(desk(request).secret(), who, _subject(key, waiting), token):
            raise HTTPException(
                409,
                "the waiting changes differ now, or the form has expired. Reload the page.",
            )
        approval.decide(
            connection, key, approve=word == "approve",
            reason=f"{reason.strip()} ({who.name}, in Airflow)",
        )  # fmt: skip
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/segments/{key}?said={word}d", 303)


def _subject(key: str, waiting: list[dict[str, Any]]) -> str:
    """What a decision is about: these changes of these lists."""
    return subject_of(f"decide {key}", waiting)


def exports(request: Request, segment: Segment) -> list[dict[str, Any]]:
    """The newest files of the segment on this machine, as their manifests list them."""
    found: list[dict[str, Any]] = []
    for path in sorted(_home(request, segment).glob("*/manifest.json"), reverse=True)[
        :MOST_EXPORTS
    ]:
        manifest = _manifest(path)
        if manifest is not None:
            found.append({"date": path.parent.name, **manifest})
    return found


@router.get("/segments/{key}/exports/{date}/{name}")
def download(request: Request, key: str, date: str, name: str) -> Response:
    """A file that the night wrote, if its manifest names it."""
    who = reader(request)
    must(who.may_download, "downloading a list needs permission to see contact details")
    segment = known(request, key)
    folders = {path.parent.name: path for path in _home(request, segment).glob("*/manifest.json")}
    manifest = _manifest(folders[date]) if date in folders else None
    files = {file["name"]: file for file in (manifest or {}).get("files", [])}
    path = folders[date].parent / name if name in files else None
    if path is None or not path.is_file():
        raise HTTPException(404, "there is no such export")
    people = int(files[name].get("rows") or 0)
    desk(request).warehouse.note(who, "download", subject=name, people=people)
    return FileResponse(
        path, media_type="text/csv; charset=utf-8", filename=name,
        headers={"X-Content-SHA256": str(files[name].get("sha256", ""))},
    )  # fmt: skip


def _home(request: Request, segment: Segment) -> Path:
    options = desk(request).settings.enabled("destinations").get("files") or {}
    path = options.get("path", "var/exports") if isinstance(options, dict) else "var/exports"
    return under_project(str(path)) / segment.key / "files"


def _manifest(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get("files"), list) else None


def _sizes(connection: Connection, key: str) -> Plot | None:
    rows = _rows(connection, SIZES, {"segment": key})[::-1]
    if not rows:
        return None
    return Plot(
        "members", "segments.sizes", Measure("members", "", is_count=True),
        [row["as_of"].date() for row in rows],
        [Line("members", [float(row["members"]) for row in rows])],
    )  # fmt: skip


def _overlap(connection: Connection, key: str) -> tuple[list[dict[str, Any]], int]:
    """How many of the members are in other segments too, of the first ten thousand.

    Ids are hashes, so the first are a random sample.
    """
    rows = _rows(connection, OVERLAP, {"segment": key, "most": OVERLAP_OF})
    sampled = next((row["sampled"] for row in rows), 0)
    return [row for row in rows if row["segment"] is not None], sampled


def _lift(connection: Connection, key: str) -> dict[str, Any] | None:
    """The newest figures against the hold-out, where they are built."""
    if not is_there(connection, "marts.mart_play_lift_daily"):
        return None
    try:
        with connection.transaction():
            rows = _rows(connection, LIFT, {"segment": key})
    except psycopg.errors.UndefinedColumn:
        return None
    return rows[0] if rows else None


def _rows(connection: Connection, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


MEMBERS = """
select customer_id, entered_at, arm
from segments.membership
where segment = %(segment)s and left_at is null and customer_id > %(after)s
order by customer_id
limit %(limit)s
"""

NAMES = """
select customer_id, full_name
from marts_pii.dim_customer_contacts
where customer_id = any(%(ids)s)
"""

SIZES = """
select as_of, members, entered, left_tonight, frozen_because
from segments.sizes
where segment = %(segment)s
order by as_of desc
limit 365
"""

OVERLAP = """
with mine as (
    select customer_id
    from segments.membership
    where segment = %(segment)s and left_at is null
    order by customer_id
    limit %(most)s
),

shared as (
    select theirs.segment, count(*) as people
    from mine
    inner join segments.membership as theirs using (customer_id)
    where theirs.left_at is null and theirs.segment <> %(segment)s
    group by theirs.segment
),

size as (select count(*) as sampled from mine)

select shared.segment, shared.people, size.sampled,
    shared.people::numeric / nullif(size.sampled, 0) as share
from size
left join shared on true
order by shared.people desc nulls last, shared.segment
"""

DECIDED = """
select destination, state, cause, adds, removes, decided_at, decision
from activation.approvals
where segment = %(segment)s and decided_at is not null
order by decided_at desc
limit 10
"""

LIFT = """
select * from marts.mart_play_lift_daily
where segment = %(segment)s
order by as_of_date desc
limit 1
"""
