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
Customers, segments and metrics of the last published run. Read only. Rapport {version}.

**Login**: a token of Airflow (`POST /auth/token`) as `Authorization: Bearer …`.
**Rights**: counts for Viewer, customers by id for User, contact details for Op and Admin. Fields
without permission are null or left out.
**Paging**: send `next` of a response as `after` of the next request. `next` is null at the end.
**Conditional requests**: send the `ETag` of a response as `If-None-Match`. 304 means
that nothing changed.
**Stable**: within v1, fields are added, never renamed or removed.
"""
ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"description": "no login, or an expired one"},
    403: {"description": "this login has no permission"},
    404: {"description": "not found"},
    503: {"description": "not built yet, or busy: try again later"},
}


class Problem(BaseModel):
    """What went wrong and what to do."""

    detail: str


ERRORS = {code: {**entry, "model": Problem} for code, entry in ERRORS.items()}
Limit = Annotated[int, Query(ge=1, le=200, description="rows in one response")]
Key = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,60}$", description="key of a segment")]
CustomerId = Annotated[
    str, Path(pattern="^c_[0-9a-f]{20}$", description="id of a customer, current or former")
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Matches(_Part):
    """Matching customers. `total` is exact, except in a search by name."""

    total: int
    matches: list[Match]
    next: str | None


class Sought(_Part):
    """What to search for: a current or former id, an e-mail address, a phone number or a name."""

    who: str
    after: str = ""


class SegmentList(_Part):
    """A segment's list at one destination. `refused` counts rows refused in the last push."""

    destination: str
    sent: int
    added: int
    updated: int
    removed: int
    refused: int
    state: str


class SegmentSize(_Part):
    """A segment and its size."""

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
    """One member. `arm` is the assignment: treated, holdout or control."""

    customer_id: str
    entered_at: datetime
    arm: str


class Members(_Part):
    """Members, ordered by customer id."""

    segment: str
    members: list[Member]
    next: str | None


class Why(_Part):
    """Each condition of a segment for one customer, and the state of each list."""

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
    """The newest value of a metric, from the published run."""

    metric: str
    as_of: datetime
    value: float | None
    n: int
    reason: str | None = None


class Metrics(_Part):
    """The newest values, and the names of more curves."""

    metrics: list[Headline]
    curves: list[str]


class Curve(_Part):
    """One line of a metric. A value is null on a day without data."""

    label: str
    values: list[float | None]


class Metric(_Part):
    """A metric over time, with one line per dimension value."""

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
    """Return this description."""
    return JSONResponse(request.app.openapi())


@router.post("/customers/search")
def search(request: Request, sought: Annotated[Sought, Body()]) -> Matches:
    """Search customers. The query is in the body, so that no address is logged."""
    must(reader(request).sees_people, customers.PEOPLE)
    matches, total, following = customers.search(request, sought.who, sought.after)
    return Matches(total=total, matches=matches, next=following)


@router.get("/customers/{customer_id}")
def card(request: Request, customer_id: CustomerId) -> Card:
    """Return the card of a customer, under the current id."""
    must(reader(request).sees_people, customers.PEOPLE)
    return customers.look_at(request, customer_id)[0]


@router.get("/customers/{customer_id}/segments/{key}")
def why_in(request: Request, customer_id: CustomerId, key: Key) -> Why:
    """Explain why a customer is in a segment or not."""
    must(reader(request).sees_people, customers.PEOPLE)
    with look(request) as connection:
        return Why(
            **why.explain(
                connection, segments.known(request, key), customer_id, last_evaluation(connection)
            )
        )


@router.get("/segments")
def every_segment(request: Request) -> Segments:
    """List all segments with size and lists."""
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
    after: Annotated[str, Query(max_length=60, description="`next` of the previous page")] = "",
    limit: Limit = 100,
) -> Members:
    """List the member ids of a segment. Contact details are in the exports and on the card."""
    must(reader(request).sees_people, customers.PEOPLE)
    segments.known(request, key)
    with look(request, segments.LISTS) as connection:
        rows = segments.members(connection, key, after.replace("\x00", ""), limit + 1)
    following = rows[limit - 1]["customer_id"] if len(rows) > limit else None
    return Members(segment=key, members=[Member(**row) for row in rows[:limit]], next=following)


@router.get("/metrics")
def every_metric(request: Request) -> Metrics:
    """List the newest value of each metric, from the published run."""
    with look(request, "bi_reader") as connection:
        rows = metrics.headlines(connection)
        marts = metrics.catalogue(connection)
    curves = [f"{mart.name}.{name}" for mart in marts.values() for name in mart.measures]
    return Metrics(metrics=[Headline(**row) for row in rows], curves=curves)


@router.get("/metrics/{name}")
def metric(
    request: Request,
    name: Annotated[str, Path(max_length=200, description="a metric, or `<mart>.<column>`")],
    days: Annotated[int, Query(ge=1, le=1100)] = 90,
) -> Metric:
    """Return one metric over time."""
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
