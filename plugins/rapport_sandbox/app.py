"""The sandbox's web application: the doubles of all vendors, and controls under `/_sandbox`.

>>> app = create_app(Path("var/sandbox"))  # doctest: +SKIP
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from rapport_sandbox import company
from rapport_sandbox.call_gate import Gate, Refused, gate_of
from rapport_sandbox.clock import parse_iso, seconds_iso
from rapport_sandbox.company import Company
from rapport_sandbox.doubles import by_vendor, doubles, logins
from rapport_sandbox.shelf import Shelf
from rapport_sandbox.store import STREAMS, decode, encode, stream_rows

NOTICE = "A sandbox: this company, its people and everything about them are invented."
controls = APIRouter(prefix="/_sandbox")


def create_app(root: Path, token: str = "") -> FastAPI:
    """Create the application for the company in the folder `root`, which must exist."""
    app = FastAPI(title="Rapport sandbox", description=NOTICE, openapi_url=None)
    app.state.gate = Gate(root)
    app.state.token = token
    app.state.vendors = by_vendor()
    app.state.logins = logins()
    app.add_exception_handler(Refused, _refused)
    app.include_router(controls)
    for module in doubles():
        app.include_router(module.router)
    app.add_api_route("/{vendor}/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH",
                                                                  "DELETE"])  # fmt: skip
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response


async def _unknown(request: Request, vendor: str, path: str) -> Response:
    """Answer 404 and record a violation: a connector called a path that no vendor has."""
    gate_of(request).violation(vendor, "unknown_path", request)
    return JSONResponse({"error": "not found", "notice": NOTICE}, 404)


@controls.get("/health")
async def health(request: Request) -> Any:
    gate = gate_of(request)
    return {"ok": True, "token": request.app.state.token, "notice": NOTICE, "as_of": gate.as_of}


@controls.get("/logins")
async def read_logins(request: Request) -> Any:
    """The demo login of each double. These secrets are valid for the sandbox only."""
    return request.app.state.logins


@controls.get("/clock")
async def read_clock(request: Request) -> Any:
    held = Company.of(gate_of(request).database)
    return {"as_of": seconds_iso(held.as_of), "night": held.night, "people": held.people,
            "seed": held.seed, "start": held.start, "notice": NOTICE}  # fmt: skip


@controls.post("/next-night")
async def next_night(request: Request) -> Any:
    return {"changes": company.next_night(gate_of(request).root), **await read_clock(request)}


@controls.get("/state/{vendor}")
async def state(request: Request, vendor: str) -> Response:
    """All current records of a vendor, sorted, so that tests can compare their hash."""
    if vendor not in request.app.state.vendors:
        return JSONResponse({"error": f"no vendor {vendor!r}"}, 404)
    gate = gate_of(request)
    lines = _intercom(gate) if vendor == "intercom" else _records(gate, vendor)
    return StreamingResponse(_wrapped(lines), media_type="application/json")


@controls.get("/held/{vendor}")
async def held(request: Request, vendor: str, since: str = "1970-01-01") -> Any:
    """How many records a pull of everything must find, by stream, counted in the double's tables.

    `since` is the day from which a source that reads by days begins.
    """
    double = request.app.state.vendors.get(vendor)
    if not hasattr(double, "held"):
        return JSONResponse({"error": f"{vendor!r} is read by no source"}, 404)
    return {"held": await double.held(request, parse_iso(since))}


@controls.get("/calls")
async def calls(request: Request) -> Any:
    """The number of calls by vendor and `METHOD /path/template`.

    `writes` counts all calls except GET and searches.
    """
    counted = gate_of(request).calls
    return {
        "calls": {vendor: dict(sorted(found.items())) for vendor, found in sorted(counted.items())},
        "writes": {
            vendor: sum(n for key, n in found.items() if _is_write(key))
            for vendor, found in sorted(counted.items())
        },
    }


@controls.post("/reset-calls")
async def reset_calls(request: Request) -> Any:
    gate_of(request).calls.clear()
    return {"calls": {}}


@controls.get("/violations")
async def violations(request: Request) -> Any:
    rows = gate_of(request).database.execute("select body from violations order by id")
    return {"violations": [decode(row[0]) for row in rows]}


@controls.delete("/violations")
async def clear_violations(request: Request) -> Any:
    gate_of(request).database.execute("delete from violations")
    return {"violations": []}


@controls.post("/refusers")
async def set_refusers(request: Request) -> Any:
    """Set people who must not be contacted, as `{people: [ids and addresses]}`.

    The messaging double refuses a payload about one of them and records a violation.
    """
    people = decode(await request.body())["people"]
    gate_of(request).refusers = frozenset(str(name).lower() for name in people)
    return {"people": len(people)}


@controls.get("/faults")
async def list_faults(request: Request) -> Any:
    return {"faults": gate_of(request).faults.list()}


@controls.post("/faults")
async def add_fault(request: Request) -> Any:
    gate = gate_of(request)
    try:
        gate.faults.add(decode(await request.body()))
    except (ValueError, AttributeError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return {"faults": gate.faults.list()}


@controls.delete("/faults")
async def clear_faults(request: Request) -> Any:
    gate_of(request).faults.clear()
    return {"faults": []}


@controls.post("/limits")
async def set_limits(request: Request) -> Any:
    """Enforce rate limits: `{vendor, enforce: true}` uses the vendor's own limits,
    `{vendor, requests, seconds, route}` sets one.

    `largest_page: n` caps the pages of each vendor that decides itself how long they are.
    `advance: seconds` moves the clock of the limits. `options: {name: n}` changes a size of the
    vendor, such as hubspot's search_ceiling or amplitude's largest_export.
    """
    limits, body = gate_of(request).limits, decode(await request.body())
    vendor = body.get("vendor", "")
    if body.get("enforce"):
        limits.enforce(vendor, request.app.state.vendors[vendor].LIMITS)
    if "requests" in body:
        rule = (body.get("route", "*"), int(body["requests"]), float(body.get("seconds", 60)))
        limits.enforce(vendor, [rule])
    limits.skipped += float(body.get("advance", 0))
    limits.largest_page = int(body.get("largest_page", limits.largest_page))
    limits.options.setdefault(vendor, {}).update(body.get("options", {}))
    return {"ok": True}


@controls.delete("/limits")
async def clear_limits(request: Request) -> Any:
    gate_of(request).limits.clear()
    return {"ok": True}


def _is_write(key: str) -> bool:
    method, _, path = key.partition(" ")
    return method != "GET" and not path.endswith(("/search", "/batch/read"))


def _records(gate: Gate, vendor: str) -> Iterator[bytes]:
    for stream in STREAMS:
        if stream.startswith(f"{vendor}_"):
            for id, body in stream_rows(
                gate.database, f"select id, body from {stream} order by id"
            ):
                yield encode([stream, id, decode(body)])
    if vendor == "amplitude":
        for row in stream_rows(gate.database, "select * from amplitude_events order by upload, id"):
            yield encode(["amplitude_events", *row])
    for id, body in Shelf(gate.database, vendor).list("*"):
        yield encode([id, body])


def _intercom(gate: Gate) -> Iterator[bytes]:
    """Contacts with the names of their tags, without anything that depends on the call order."""
    rows = stream_rows(
        gate.database,
        "select c.id, c.external_id, c.email, c.is_out, c.body, (select json_group_array(name) from"
        " (select t.name from intercom_contact_tags x join intercom_tags t on t.id = x.tag_id"
        " where x.contact_id = c.id order by t.name)) from intercom_contacts c order by c.id",
    )
    for id, external_id, email, is_out, body, tags in rows:
        yield encode({"contact": id, "external_id": external_id, "email": email,
                      "unsubscribed_from_emails": bool(is_out), "tags": decode(tags),
                      **decode(body)})  # fmt: skip
    for (name,) in stream_rows(gate.database, "select name from intercom_tags order by name"):
        yield encode({"tag": name})
    sql = "select model, name, data_type from intercom_attributes order by model, name"
    for model, name, kind in stream_rows(gate.database, sql):
        yield encode({"attribute": name, "model": model, "data_type": kind})


async def _wrapped(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield b"["
    for number, line in enumerate(lines):
        yield b",\n" + line if number else line
    yield b"]\n"
