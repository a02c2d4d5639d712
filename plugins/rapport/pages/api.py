"""The same facts for programs: read only, versioned, paged by key, with conditional requests."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from rapport.activation.answers import why
from rapport.activation.answers.overview import overview
from rapport.activation.planning.preview import last_evaluation
from rapport.card.models import Card, Match
from rapport.pages import customers, metrics, metrics_pages, segments
from rapport.pages.access import must
from rapport.pages.request import desk, look, reader

KEPT = "private, no-cache"
DESCRIPTION = """
Customers, segments and metrics as of the last published night. Read only. Rapport {version}.

**Login**: a token of Airflow (`POST /auth/token`) as `Authorization: Bearer …`.
**Rights**: numbers for Viewer, customers by id for User, contact details for Op and Admin; what may
not be seen is null or left out.
**Paging**: `next` of an answer is `after` of the next question; null at the end.
**Conditional requests**: send an answer's `ETag` as `If-None-Match`; 304 means nothing changed.
**Stable**: within v1 fields are added, never renamed or taken away.
"""
ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"description": "no login, or an old one"},
    403: {"description": "this login may not see it"},
    404: {"description": "nothing of that name"},
    503: {"description": "not built yet, or busy: try again"},
}


class Problem(BaseModel):
    """What went wrong and what to do."""

    detail: str


ERRORS = {code: {**entry, "model": Problem} for code, entry in ERRORS.items()}
Limit = Annotated[int, Query(ge=1, le=200, description="rows in one answer")]
Key = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,60}$", description="key of a segment")]
CustomerId = Annotated[
    str, Path(pattern="^c_[0-9a-f]{20}$", description="id of a customer, a former one too")
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Matches(_Part):
    """Customers that may be meant; `total` is exact unless a name was asked for."""

    total: int
    matches: list[Match]
    next: str | None


class Sought(_Part):
    """Who is meant: any id that ever existed, an e-mail address, a phone number, or a name."""

    who: str
    after: str = ""


class SegmentList(_Part):
    """One list of a segment at one tool; `refused` are rows that it did not take last time."""

    destination: str
    sent: int
    added: int
    updated: int
    removed: int
    refused: int
    state: str


class SegmentSize(_Part):
    """A segment and how large it is."""

    segment: str
    name: str
    description: str
    owner: str
    purpose: str
    channel: str
    as_of: datetime | None
    members: int
    entered: int
    left: int
    problem: str | None
    lists: list[SegmentList]


class Segments(_Part):
    """Every segment, in order of priority."""

    segments: list[SegmentSize]


class Member(_Part):
    """One member; `arm` is treated, holdout or control."""

    customer_id: str
    entered_at: datetime
    arm: str


class Members(_Part):
    """Members in order of their ids."""

    segment: str
    members: list[Member]
    next: str | None


class Why(_Part):
    """Each condition of a segment for one customer, and what became of their place."""

    segment: str
    customer_id: str
    is_candidate: bool
    is_member: bool
    arm: str | None
    conditions: list[dict[str, Any]]
    values: dict[str, Any]
    stays: list[dict[str, Any]]
    lists: list[dict[str, Any]]


class Headline(_Part):
    """A metric of the published night."""

    metric: str
    as_of: datetime
    value: float | None
    n: int


class Metrics(_Part):
    """The headlines, and the names of further curves."""

    metrics: list[Headline]
    curves: list[str]


class Curve(_Part):
    """A line of a metric; null where there was nothing to count."""

    label: str
    values: list[float | None]


class Metric(_Part):
    """A metric over time, one line a value of its dimensions."""

    name: str
    mart: str
    column: str
    description: str
    value: float | None
    days: list[str]
    lines: list[Curve]
    left_out: int


def _kept(response: Response) -> None:
    """The answer may be kept, and asked again whether it changed."""
    response.headers["Cache-Control"] = KEPT


router = APIRouter(tags=["v1"], responses=ERRORS, dependencies=[Depends(_kept)])


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request) -> JSONResponse:
    """This description."""
    return JSONResponse(request.app.openapi())


@router.post("/customers/search")
def search(request: Request, sought: Annotated[Sought, Body()]) -> Matches:
    """Find customers. In the body, so that no address gets into a log."""
    must(reader(request).sees_people, customers.PEOPLE)
    matches, total, following = customers.search(request, sought.who, sought.after)
    return Matches(total=total, matches=matches, next=following)


@router.get("/customers/{customer_id}")
def card(request: Request, customer_id: CustomerId) -> Card:
    """The card of a customer, under the id of today."""
    must(reader(request).sees_people, customers.PEOPLE)
    return customers.look_at(request, customer_id)[0]


@router.get("/customers/{customer_id}/segments/{key}")
def why_in(request: Request, customer_id: CustomerId, key: Key) -> Why:
    """Why a customer is in a segment, or is not."""
    must(reader(request).sees_people, customers.PEOPLE)
    with look(request) as connection:
        return Why(
            **why.explain(
                connection, segments.known(request, key), customer_id, last_evaluation(connection)
            )
        )


@router.get("/segments")
def every_segment(request: Request) -> Segments:
    """Every segment with its size and its lists."""
    with look(request, segments.LISTS) as connection:
        rows = overview(connection, desk(request).segments())
    kept = set(SegmentSize.model_fields)
    return Segments(
        segments=[
            SegmentSize(**{name: value for name, value in row.items() if name in kept})
            for row in rows
        ]
    )


@router.get("/segments/{key}/members")
def members(
    request: Request,
    key: Key,
    after: Annotated[str, Query(max_length=60, description="`next` of the page before")] = "",
    limit: Limit = 100,
) -> Members:
    """The members of a segment by id; contact details are in the exports and on the card."""
    must(reader(request).sees_people, customers.PEOPLE)
    segments.known(request, key)
    with look(request, segments.LISTS) as connection:
        rows = segments.members(connection, key, after.replace("\x00", ""), limit + 1)
    following = rows[limit - 1]["customer_id"] if len(rows) > limit else None
    return Members(segment=key, members=[Member(**row) for row in rows[:limit]], next=following)


@router.get("/metrics")
def every_metric(request: Request) -> Metrics:
    """The headlines of the published night."""
    with look(request, "bi_reader") as connection:
        rows = metrics.headlines(connection)
        marts = metrics.catalogue(connection)
    curves = [f"{mart.name}.{name}" for mart in marts.values() for name in mart.measures]
    return Metrics(metrics=[Headline(**row) for row in rows], curves=curves)


@router.get("/metrics/{name}")
def metric(
    request: Request,
    name: Annotated[str, Path(max_length=200, description="a headline, or `<mart>.<column>`")],
    days: Annotated[int, Query(ge=1, le=1100)] = 90,
) -> Metric:
    """One metric over time."""
    with look(request, "bi_reader") as connection:
        marts, rows = metrics.catalogue(connection), metrics.headlines(connection)
        plot, headline = metrics_pages.find(connection, marts, rows, name, days)
    return Metric(
        name=name,
        mart=plot.mart,
        column=plot.measure.name,
        description=plot.measure.description or marts[plot.mart].description,
        value=headline["value"] if headline else plot.last,
        days=[day.isoformat() for day in plot.days],
        lines=[Curve(label=line.label, values=list(line.values)) for line in plot.lines],
        left_out=plot.left_out,
    )
