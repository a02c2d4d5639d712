"""A double of Amplitude's export: a zip of hourly gzipped JSON lines.

Shapes after https://amplitude.com/docs/apis/analytics/export. The hours are those of
server_upload_time, inclusive, and show at least two hours late; 404 only means "no data".

>>> hour("20260331T05") // 3600
493037
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import calendar
import gzip
import hashlib
import io
import itertools
import time
import zipfile
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, meets, reply, retry_after_headers
from rapport_sandbox.catalogue import CAMPAIGNS, EVENTS, PRODUCTS, WEB
from rapport_sandbox.clock import HOUR, SECOND, iso
from rapport_sandbox.projection import total
from rapport_sandbox.store import Json, encode, stream_rows

VENDOR = "amplitude"
LOGIN: dict[str, Any] = {
    "login": "demo-project-key",
    "password": "demo-not-a-secret-amplitude",
    "extra": {},
}
LIMITS = [("*", 360, 3600.0)]
LATE = 2 * HOUR
LONGEST = 365 * 24 * 3600
MOST = 1_000_000
PROJECT = 424242
_DEVICES = (
    ("Web", "Mac OS X", "Safari", "Apple iPhone", "Mozilla/5.0 (iPhone) Safari/605.1"),
    ("Web", "Windows", "Chrome", "Windows PC", "Mozilla/5.0 (Windows NT 10.0) Chrome/142.0"),
    ("Web", "Android", "Chrome Mobile", "Android phone", "Mozilla/5.0 (Android 15) Chrome/142.0"),
    ("Web", "Linux", "Firefox", "Linux PC", "Mozilla/5.0 (X11; Linux) Firefox/145.0"),
)
_ENTRY = (1980, 1, 1, 0, 0, 0)


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    names = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found",
             429: "too_many_requests", 504: "timeout"}  # fmt: skip
    error = {"http_code": status, "type": names.get(status, "internal_error"),
             "message": message or names.get(status, "internal error")}  # fmt: skip
    headers = retry_after_headers(retry_after, style)
    return Response(encode({"error": error}), status, headers, "application/json")


router = APIRouter(prefix="/amplitude", dependencies=[Depends(door(VENDOR, refusal))])


def hour(text: str) -> int:
    """Unix seconds of YYYYMMDDTHH. Raises ValueError."""
    return calendar.timegm(time.strptime(text, "%Y%m%dT%H"))


async def held(request: Request, since: int) -> dict[str, int]:
    """How many events arrived until two hours ago, in whole hours."""
    visible = (gate_of(request).as_of - LATE) // HOUR * HOUR // SECOND
    span = (since // SECOND, visible)
    return {"events": total(request, "amplitude_events", "upload >= ? and upload < ?", span)}


@router.get("/api/2/export")
async def export(request: Request) -> Response:
    query, gate = request.query_params, gate_of(request)
    try:
        start, end = hour(query["start"]), hour(query["end"]) + 3600
    except (KeyError, ValueError):
        raise Refused(refusal(400, "start and end must look like 20260331T05")) from None
    if end <= start or end - start > LONGEST:
        raise Refused(refusal(400, "the range must be between one hour and 365 days"))
    visible = (gate.as_of - LATE) // HOUR * HOUR // SECOND
    where = "upload >= ? and upload < ?"
    values = (start, min(end, visible))
    sql = f"select count(*) from amplitude_events where {where}"
    count = gate.database.execute(sql, values).fetchone()[0]
    if count > gate.limits.option(VENDOR, "largest_export", MOST):
        raise Refused(refusal(504, "too much data: ask for a shorter range"))
    if count == 0 or meets(request, "empty"):
        raise Refused(refusal(404, "Raw data files were not found."))
    rows = stream_rows(
        gate.database,
        "select upload, id, time, device, is_known, country, type, what, session, campaign, number"
        f" from amplitude_events where {where} order by upload, id",
        values,
    )
    future = meets(request, "far_future_cursor")
    return reply(request, _zip(rows, future), headers={"Content-Disposition": "export.zip"})


def _zip(rows: Iterator[tuple[Any, ...]], future: bool) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for upload_hour, events in itertools.groupby(rows, key=lambda row: row[0] // 3600):
            lines = []
            for row in events:
                line = _line(row)
                if future:
                    line["server_upload_time"] = "2099-01-01 00:00:00.000000"
                    future = False
                lines.append(encode(line))
            moment = time.strftime("%Y-%m-%d_%-H", time.gmtime(upload_hour * 3600))
            entry = zipfile.ZipInfo(f"{PROJECT}/{PROJECT}_{moment}#0.json.gz", _ENTRY)
            archive.writestr(entry, gzip.compress(b"\n".join(lines) + b"\n", 1, mtime=0))
    return packed.getvalue()


def _line(row: tuple[Any, ...]) -> Json:
    upload, id, moment, device, is_known, country, kind, what, session, campaign, number = row
    mark = hashlib.md5(f"{device}/{id}".encode(), usedforsecurity=False).hexdigest()
    platform, system, browser, family, agent = _DEVICES[sum(device.encode()) % len(_DEVICES)]
    happened, uploaded = _time(moment), _time(upload * SECOND)
    return {
        "$insert_id": mark[:20],
        "$schema": 13,
        "amplitude_id": 900_000_000_000 + int(hashlib.md5(device.encode(), usedforsecurity=False)
                                              .hexdigest()[:9], 16),
        "app": PROJECT,
        "city": None,
        "client_event_time": happened,
        "client_upload_time": uploaded,
        "country": country,
        "data": {},
        "device_family": family,
        "device_id": device,
        "device_type": family,
        "event_id": id & 0xFFFFF,
        "event_properties": _properties(EVENTS[kind], what, campaign),
        "event_time": happened,
        "event_type": EVENTS[kind],
        "groups": {},
        "ip_address": f"192.0.2.{sum(device.encode()) % 250 + 1}",
        "language": "German" if country in ("DE", "AT", "CH") else "English",
        "library": "amplitude-ts/2.11.0",
        "os_name": browser,
        "os_version": "1",
        "platform": platform,
        "processed_time": uploaded,
        "region": None,
        "server_received_time": uploaded,
        "server_upload_time": uploaded,
        "session_id": session,
        "user_agent": agent,
        "user_id": f"u_{number:07d}" if is_known else None,
        "user_properties": {"os": system},
        "uuid": f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-8{mark[17:20]}-{mark[20:]}",
        "version_name": None,
    }  # fmt: skip


def _properties(name: str, what: str | None, campaign: int) -> Json:
    path = what or "/"
    found: Json = {}
    if what in PRODUCTS:
        product = PRODUCTS[what]
        path = f"/products/{what}"
        found = {"product_id": what, "category": product.category, "price": product.price}
    elif name == "search":
        path, found = "/search", {"query": what, "category": what}
    source, medium, name_of = CAMPAIGNS[campaign]
    found |= {"url": WEB + path, "path": path}
    found["referrer"] = f"https://www.{source}.example/" if source else None
    return found | {"utm_source": source, "utm_medium": medium, "utm_campaign": name_of}


def _time(moment: int) -> str:
    return iso(moment).replace("T", " ").replace("Z", "000")
