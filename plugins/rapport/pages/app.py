"""The application that Airflow serves below `/rapport`: pages for people, `api/v1` for programs.

Every route asks `authenticate` who is looking before anything else; there is no open one.

>>> [route.path for route in application().routes][:1]  # doctest: +SKIP
['/']
"""

import hashlib
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from rapport import __version__
from rapport.errors import RapportError, RetryLater
from rapport.pages import (
    access,
    api,
    customers,
    metrics_pages,
    review,
    run_pages,
    segments,
    static,
)
from rapport.pages.access import Reader
from rapport.pages.database import Warehouse
from rapport.pages.request import Desk, page, wants_json

API = "/api/v1"
SHUT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": SHUT,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
Authenticate = Callable[[Request], Awaitable[Reader]]

log = logging.getLogger(__name__)


def application(
    authenticate: Authenticate = access.of_airflow,
    secret: Callable[[], bytes] = access.secret_of_airflow,
    warehouse: Warehouse | None = None,
) -> FastAPI:
    """The application; `authenticate` raises 401 for who is not logged in."""

    async def reader(request: Request) -> None:
        request.state.reader = await authenticate(request)
        access.must(
            request.state.reader.sees_numbers,
            "this login may not see the DAG activate_segments",
        )

    app = FastAPI(
        title="Rapport",
        version="1",
        description=api.DESCRIPTION.format(version=__version__),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(reader)],
    )
    app.state.desk = Desk(warehouse or Warehouse(), secret)
    for router in (
        static.router, run_pages.router, customers.router, review.router, segments.router,
        metrics_pages.router,
    ):  # fmt: skip
        app.include_router(router, include_in_schema=False)
    app.include_router(api.router, prefix=API)
    app.include_router(_unknown(), include_in_schema=False)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(RapportError)(_explained)
    app.exception_handler(psycopg.Error)(_broken)
    app.middleware("http")(_headers)
    return app


def _unknown() -> Any:
    """Also an address that leads nowhere asks for a login first."""
    from fastapi import APIRouter

    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST"])
    def unknown(path: str) -> None:
        raise HTTPException(404)

    return router


async def _headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        response = await call(request)
    except Exception as error:  # else it would be raised again, and its text logged
        response = await _broken(request, error)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "private, no-store")
    may_be_kept = response.headers["Cache-Control"] == api.KEPT
    if may_be_kept and request.method == "GET" and response.status_code == 200:
        return await _if_changed(request, response)
    return response


async def _if_changed(request: Request, response: Any) -> Response:
    """304 where the reader has the same content already."""
    body = b"".join([part async for part in response.body_iterator])
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**dict(response.headers), "ETag": tag}
    asked = [
        part.strip().removeprefix("W/")
        for part in request.headers.get("If-None-Match", "").split(",")
    ]
    if tag in asked or "*" in asked:
        kept = {
            name: headers[name]
            for name in headers
            if name.lower() not in ("content-length", "content-type")
        }
        return Response(status_code=304, headers=kept)
    return Response(body, response.status_code, headers)


async def _refused(request: Request, error: Any) -> Response:
    return _answer(request, error.status_code, str(error.detail), error.headers)


async def _invalid(request: Request, error: Any) -> Response:
    """What is wrong and where, without repeating what was sent."""
    wrong = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
    return _answer(request, 422, wrong)


async def _explained(request: Request, error: Any) -> Response:
    """An error of ours says what to do, and holds nothing personal."""
    return _answer(request, 503 if isinstance(error, RetryLater) else 404, str(error))


async def _broken(request: Request, error: Any) -> Response:
    """Nothing of the error's own text: it may quote a value."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind, line = type(error).__name__, f"{Path(place.filename).name}:{place.lineno}"
    log.error("%s %s: %s in %s", request.method, request.scope["path"], kind, line)
    if isinstance(error, psycopg.errors.QueryCanceled):
        return _answer(request, 503, "the warehouse query took too long. Try again in a moment.")
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return _answer(
            request,
            503,
            "tables are missing or outdated. Start `rapport run` first.",
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return _answer(request, 403, "your role in the warehouse has no permission to read this.")
    if isinstance(error, psycopg.DataError):
        return _answer(request, 422, "the request holds a value that the warehouse cannot read.")
    if isinstance(error, psycopg.OperationalError):
        return _answer(request, 503, "the warehouse does not answer. Try again in a moment.")
    return _answer(request, 500, "internal error. See the log of the api-server.")


def _answer(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None
) -> Response:
    headers = {**HEADERS, "Cache-Control": "private, no-store", **(headers or {})}
    if wants_json(request):
        return JSONResponse({"detail": detail}, status, headers)
    reader = getattr(request.state, "reader", None)
    return HTMLResponse(
        page(request, "error.html", status=status, detail=detail, reader=reader), status, headers
    )
