"""What every page needs: who looks, the warehouse, the words of their language.

>>> language({"lang": "ru"}, {}, "en")
'ru'
>>> language({}, {}, "ru-RU,ru;q=0.9,en;q=0.8")
'ru'
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from rapport.activation.segments.declarations import Definitions, load
from rapport.card.data_age import entities_of
from rapport.identity.rules import Rules, load_rules
from rapport.pages.access import Reader
from rapport.pages.database import Connection, Warehouse
from rapport.pages.messages import LOCALES
from rapport.pages.rendering import render
from rapport.paths import project_root
from rapport.settings import Settings, load_settings
from rapport.transform.segment_files import FOLDER

LANGUAGE = "rapport_language"
NAVIGATION = ("runs", "customers", "review", "segments", "metrics")


class Desk:
    """The warehouse and the settings of one application; nothing is opened before it is needed."""

    def __init__(self, warehouse: Warehouse, secret: Callable[[], bytes]) -> None:
        self.warehouse = warehouse
        self.secret = secret
        self._segments: tuple[tuple[tuple[str, int], ...], Definitions] | None = None

    def segments(self) -> Definitions:
        """The segments of the project, read again when a file of theirs changed."""
        folder = project_root() / FOLDER
        state = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("seg_*")))
        if self._segments is None or self._segments[0] != state:
            self._segments = state, load(folder)
        return self._segments[1]

    @cached_property
    def entities(self) -> dict[str, list[str]]:
        """The sources of each canonical entity."""
        return entities_of(self.settings)

    @cached_property
    def rules(self) -> Rules:
        """Of identity: to read the file takes longer than to find a person by them."""
        return load_rules(self.settings.identity)

    @cached_property
    def settings(self) -> Settings:
        """Of the project, as they were at the first question."""
        return load_settings()


def desk(request: Request) -> Desk:
    """The desk of the application that answers."""
    found: Desk = request.app.state.desk
    return found


def reader(request: Request) -> Reader:
    """Who is looking."""
    found: Reader = request.state.reader
    return found


@contextmanager
def look(request: Request, role: str | None = None) -> Iterator[Connection]:
    """The warehouse in the role of who asks, or a lesser one."""
    with desk(request).warehouse.look(role or reader(request).role) as connection:
        yield connection


@contextmanager
def look_at_ledgers(request: Request) -> Iterator[Connection]:
    """The ledgers of nights and identity, with the rights of the login, which only reads here.

    No reader's role has them. What is asked of them is ids and counts, and for a reader who sees
    contact details also the values that identity compares.
    """
    with desk(request).warehouse.look() as connection:
        yield connection


def refuse_other_sites(request: Request) -> None:
    """Raise 403 for a form that another site sent."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "the form came from another site")


def language(query: Mapping[str, str], cookies: Mapping[str, str], accepted: str) -> str:
    """The language that was chosen, else the first that the browser wants and we have."""
    for chosen in (query.get("lang"), cookies.get(LANGUAGE)):
        if chosen in LOCALES:
            return str(chosen)
    for part in accepted.split(","):
        name = part.partition(";")[0].strip().partition("-")[0].lower()
        if name in LOCALES:
            return name
    return LOCALES[0]


def wants_json(request: Request) -> bool:
    """Whether a program asks."""
    return "/api/" in request.scope["path"]


def page(request: Request, template: str, **values: Any) -> str:
    """A page with its frame, in the reader's language."""
    locale = language(
        request.query_params, request.cookies, request.headers.get("Accept-Language", "")
    )
    root = request.scope.get("root_path", "")

    def url(*parts: str, **query: Any) -> str:
        path = "/".join(quote(str(part), safe="") for part in parts)
        asked = {name: value for name, value in query.items() if value is not None}
        return f"{root}/{path}" + (f"?{urlencode(asked)}" if asked else "")

    values.setdefault("reader", getattr(request.state, "reader", None))
    return render(
        template,
        locale,
        url=url,
        airflow=root.removesuffix("/rapport") + "/",
        navigation=NAVIGATION,
        here=_here(request),
        languages=LOCALES,
        same_page=lambda lang: "?" + urlencode({**dict(request.query_params), "lang": lang}),
        company=desk(request).settings.company.name if values["reader"] else "",
        **values,
    )


def show(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as an answer; a language chosen by its link is kept."""
    answer = HTMLResponse(page(request, template, **values), status)
    if (chosen := request.query_params.get("lang")) in LOCALES:
        answer.set_cookie(
            LANGUAGE, str(chosen), max_age=31_536_000, samesite="lax", httponly=True,
            path=request.scope.get("root_path", "") or "/",
        )  # fmt: skip
    return answer


def _here(request: Request) -> str:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return str(path).strip("/").partition("/")[0]
