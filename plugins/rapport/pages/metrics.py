"""The metric marts, read as they describe themselves: no metric is named here.

A mart `marts.mart_<topic>_<daily|weekly|monthly>` has one date column, text columns to slice by,
and numbers. A headline of `marts.mart_metrics_latest` is drawn from the mart whose column it is
named after: `csat_good_bad_90d` is `csat_90d` of the scale `good_bad`.

>>> draw(connection, catalogue(connection), "nps_90d", until)  # doctest: +SKIP
Plot(title='nps_90d', mart='mart_nps_daily', ...)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rapport.pages.translations import is_share

Warehouse = psycopg.Connection[Any]
NUMBERS = ("integer", "bigint", "smallint", "numeric", "double precision", "real")
COUNTS = ("integer", "bigint", "smallint")
MOST_SERIES = 6
MOST_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a mart; counts may be added up, others may not."""

    name: str
    description: str
    is_count: bool


@dataclass(frozen=True, slots=True)
class Mart:
    """A table of metrics over time."""

    name: str
    description: str
    time: str
    dimensions: tuple[str, ...]
    measures: Mapping[str, Measure]

    @property
    def topic(self) -> str:
        """What it is about: `mart_nps_daily` is about `nps`."""
        return self.name.removeprefix("mart_").rpartition("_")[0]

    @property
    def main(self) -> Measure:
        """What to draw where nobody said what: the first number that is no count."""
        measures = list(self.measures.values())
        return next((measure for measure in measures if not measure.is_count), measures[0])


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: a value a day, None where there was nothing to count."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over the same days. `left_out` counts those beyond the most that are shown."""

    title: str
    mart: str
    measure: Measure
    days: Sequence[date]
    lines: Sequence[Line]
    left_out: int = 0
    only: Mapping[str, str] = field(default_factory=dict)
    headline: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """For the chart: seconds since 1970 and values, null where there are none."""
        seconds = [int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) for d in self.days]
        return {
            "x": seconds,
            "series": [{"label": line.label, "y": list(line.values)} for line in self.lines],
            "percent": is_share(self.measure.name),
        }

    def figure(self, line: Line) -> float | None:
        """One figure for the whole period: the sum of a count, else the newest value."""
        if self.measure.is_count:
            return sum(value for value in line.values if value is not None)
        return _first(reversed(line.values))

    @property
    def first(self) -> float | None:
        """The oldest value of the first curve."""
        return _first(self.lines[0].values) if self.lines else None

    @property
    def last(self) -> float | None:
        """The newest value of the first curve."""
        return _first(reversed(self.lines[0].values)) if self.lines else None


def catalogue(connection: Warehouse) -> dict[str, Mart]:
    """The metric marts that are published, by name; from the server's own catalogue."""
    marts: dict[str, Mart] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in cursor.execute(COLUMNS):
            found.setdefault(row["mart"], []).append(row)
    for name, columns in found.items():
        time = next((column["name"] for column in columns if column["type"] == "date"), None)
        measures = {
            column["name"]: Measure(
                column["name"], column["description"] or "", column["type"] in COUNTS
            )
            for column in columns
            if column["type"].partition("(")[0] in NUMBERS
        }
        if time is None or not measures:
            continue
        dimensions = tuple(
            column["name"]
            for column in columns
            if column["type"] == "text" and not column["name"].endswith("_reason")
        )
        marts[name] = Mart(name, columns[0]["about"] or "", time, dimensions, measures)
    return marts


def headlines(connection: Warehouse) -> list[dict[str, Any]]:
    """The metrics of the published night."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from marts.mart_metrics_latest order by metric").fetchall()


def plot(
    connection: Warehouse,
    mart: Mart,
    measure: str,
    *,
    until: date,
    days: int = 90,
    only: Mapping[str, str] | None = None,
    title: str | None = None,
) -> Plot:
    """The curve of one number for the days before `until`, one line a value of its dimensions.

    Of a mart by the month, the thirteen months before.
    """
    days = max(days, 400) if mart.name.endswith("_monthly") else days
    chosen = mart.measures[measure]
    names = [mart.time, *mart.dimensions, measure]
    conditions = [
        sql.SQL("{0} > %(since)s and {0} <= %(until)s").format(sql.Identifier(mart.time)),
        *(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in (only or {}).items()
            if name in mart.dimensions
        ),
    ]
    statement = sql.SQL("select {} from {} where {} order by {} limit %(most)s").format(
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.Identifier("marts", mart.name),
        sql.SQL(" and ").join(conditions),
        sql.SQL(", ").join(map(sql.Identifier, names[:-1])),
    )
    values = {"since": until - timedelta(days=days), "until": until, "most": MOST_POINTS}
    rows = connection.execute(statement, values).fetchall()
    return replace(lines(rows, chosen, title or measure, mart.name), only=dict(only or {}))


def lines(rows: Sequence[tuple[Any, ...]], measure: Measure, title: str, mart: str) -> Plot:
    """Rows of a day, the parts of a label, and a value, as curves; the longest ones where many."""
    days = sorted({row[0] for row in rows})
    place = {day: number for number, day in enumerate(days)}
    curves: dict[str, list[float | None]] = {}
    for day, *parts, value in rows:
        label = ", ".join(str(part) for part in parts if part is not None) or measure.name
        curve = curves.setdefault(label, [None] * len(days))
        curve[place[day]] = _number(value)
    longest = sorted(curves, key=lambda label: (-_weight(curves[label]), label))
    shown = set(longest[:MOST_SERIES])
    kept = [Line(label, curves[label]) for label in curves if label in shown]
    return Plot(title, mart, measure, days, kept, left_out=len(curves) - len(kept))


def draw(
    connection: Warehouse, marts: Mapping[str, Mart], metric: str, until: date, days: int = 90
) -> Plot | None:
    """The curve behind a headline; None where no mart has a column of that name."""
    words = metric.lower().split("_")
    best: tuple[tuple[int, int, int], Mart, str] | None = None
    for mart in marts.values():
        for name in mart.measures:
            asked = name.lower().split("_")
            if not set(asked) <= set(words):
                continue
            topic = len(set(mart.topic.split("_")) & set(words))
            score = (len(asked), topic, 1 if mart.name.endswith("_daily") else 0)
            if best is None or score > best[0]:
                best = score, mart, name
    if best is None:
        return None
    _, mart, name = best
    only = _named(connection, mart, metric)
    return plot(connection, mart, name, until=until, days=days, only=only, title=metric)


def with_headline(plot: Plot, headline: Mapping[str, Any]) -> Plot:
    """The plot with the value of the night beside its curve."""
    return replace(plot, headline=headline)


def _named(connection: Warehouse, mart: Mart, metric: str) -> dict[str, str]:
    """The values of dimensions that the name of a headline holds: EUR in `revenue_30d_EUR`."""
    only: dict[str, str] = {}
    for dimension in mart.dimensions:
        rows = connection.execute(
            sql.SQL(
                "select distinct {0} from {1} where {0} is not null order by {0} limit 200"
            ).format(sql.Identifier(dimension), sql.Identifier("marts", mart.name))
        )
        named = [value for (value,) in rows if f"_{value}_" in f"_{metric}_"]
        if named:
            only[dimension] = max(named, key=len)
    return only


def _number(value: Any) -> float | None:
    """For a chart; a value that no chart can show (NaN, infinite) is none."""
    if value is None or (isinstance(value, Decimal) and not value.is_finite()):
        return None
    number = float(value)
    return number if abs(number) < float("inf") and number == number else None


def _weight(values: Iterable[float | None]) -> float:
    return sum(1 for value in values if value is not None)


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


COLUMNS = r"""
select
    tables.relname as mart, obj_description(tables.oid, 'pg_class') as about,
    columns.attname as name, format_type(columns.atttypid, columns.atttypmod) as type,
    col_description(tables.oid, columns.attnum) as description
from pg_catalog.pg_class as tables
inner join pg_catalog.pg_attribute as columns on columns.attrelid = tables.oid
where
    tables.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = 'marts')
    and tables.relkind in ('r', 'v', 'm', 'p') and columns.attnum > 0
    and not columns.attisdropped and tables.relname ~ '^mart_.+_(daily|weekly|monthly)$'
order by tables.relname, columns.attnum
"""
