"""Metrics: the headlines of the night, and each one's curve, comparison, slices and card."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from psycopg.rows import dict_row

from rapport.errors import ConfigError
from rapport.pages import metrics
from rapport.pages.database import Connection
from rapport.pages.request import look, show
from rapport.warehouse.tables import is_there

SLICES = "marts.mart_metrics_by_slice_daily"
PERIODS = (30, 90, 180, 365)
router = APIRouter()


@router.get("/metrics")
def every(request: Request) -> HTMLResponse:
    """Every headline with 90 days, then the marts that have none."""
    with look(request, "bi_reader") as connection:
        marts = metrics.catalogue(connection)
        rows = metrics.headlines(connection)
        until = _until(rows)
        plots = []
        for row in rows:
            drawn = metrics.draw(connection, marts, row["metric"], until)
            if drawn is not None:
                headline = {"value": row["value"], "reason": row.get("reason")}
                plots.append(metrics.with_headline(drawn, headline))
        covered = {plot.mart for plot in plots}
        others = [mart for name, mart in marts.items() if name not in covered]
    return show(request, "metrics.html", plots=plots, headlines=rows, others=others)


@router.get("/metrics/{name}")
def one(
    request: Request,
    name: str,
    days: Annotated[int, Query(ge=7, le=1100)] = 90,
    dimension: str | None = None,
) -> HTMLResponse:
    """One metric: a headline, or `<mart>.<column>`."""
    with look(request, "bi_reader") as connection:
        marts = metrics.catalogue(connection)
        rows = metrics.headlines(connection)
        plot, headline = find(connection, marts, rows, name, days)
        mart = marts[plot.mart]
        until = _until(rows)
        before = metrics.plot(
            connection, mart, plot.measure.name, until=until - timedelta(days=days),
            days=days, only=plot.only,
        )  # fmt: skip
        slices = Slices(connection, name, until, days)
        by = slices.plot(connection, dimension)
        status = _rows(connection, "select * from marts.data_status order by is_stale desc, source")
        reconciled = _reconciled(connection, mart.topic)
    return show(
        request, "metric.html", name=name, plot=with_period_before(plot, before, days),
        headline=headline, mart=mart, comparison=compare(plot, before), days=days,
        periods=PERIODS, dimensions=slices.dimensions, dimension=dimension, by=by,
        sources=status, reconciled=reconciled,
    )  # fmt: skip


def find(
    connection: Connection,
    marts: dict[str, metrics.Mart],
    rows: list[dict[str, Any]],
    name: str,
    days: int,
) -> tuple[metrics.Plot, dict[str, Any] | None]:
    """The curve of a headline or of `<mart>.<column>`; raises `ConfigError` for neither."""
    until = _until(rows)
    headline = next((row for row in rows if row["metric"] == name), None)
    if headline is not None:
        drawn = metrics.draw(connection, marts, name, until, days)
        if drawn is not None:
            return drawn, headline
    mart, _, measure = name.partition(".")
    if mart in marts and measure in marts[mart].measures:
        return metrics.plot(connection, marts[mart], measure, until=until, days=days), None
    raise ConfigError("there is no such metric, or it has no published daily values.")


def compare(plot: metrics.Plot, before: metrics.Plot) -> list[dict[str, Any]]:
    """Each curve's period beside the one before: the sum of counts, the last value of others."""
    earlier = {line.label: line for line in before.lines}
    rows = []
    for line in plot.lines:
        then = earlier.get(line.label)
        rows.append(
            {
                "label": line.label,
                "now": plot.figure(line),
                "before": before.figure(then) if then is not None else None,
            }
        )
    return rows


def with_period_before(plot: metrics.Plot, before: metrics.Plot, days: int) -> metrics.Plot:
    """The curve and, where it is only one, the period before laid over it, if half is known."""
    if len(plot.lines) != 1 or len(before.lines) != 1 or not plot.days:
        return plot
    moved = {
        day + timedelta(days=days): value
        for day, value in zip(before.days, before.lines[0].values, strict=True)
    }
    if sum(day in moved for day in plot.days) * 2 < len(plot.days):
        return plot
    laid = metrics.Line("previous period", [moved.get(day) for day in plot.days])
    return replace(plot, lines=[*plot.lines, laid])


class Slices:
    """A metric by segment, plan, country …, where the long table of slices has it."""

    def __init__(self, connection: Connection, name: str, until: date, days: int) -> None:
        self.period = {"since": until - timedelta(days=days), "until": until}
        self.metric: tuple[str, str] | None = None
        self.dimensions: list[str] = []
        if not is_there(connection, SLICES):
            return
        kinds: dict[tuple[str, str], list[str]] = {}
        for metric, unit, dimension in connection.execute(KINDS, self.period):
            kinds.setdefault((metric, unit), []).append(dimension)
        words = set(name.lower().replace(".", "_").split("_"))
        scored = [
            (len(set(metric.split("_")) & words) + (unit.lower() in words), metric, unit)
            for metric, unit in kinds
            if metric.split("_")[0] in words
        ]
        if scored:
            _, metric, unit = max(scored)
            self.metric = metric, unit
            self.dimensions = sorted(set(kinds[self.metric]) - {"all"})

    def plot(self, connection: Connection, dimension: str | None) -> metrics.Plot | None:
        """One curve a slice; None where the dimension is not one of the metric's."""
        if self.metric is None or dimension not in self.dimensions:
            return None
        metric, unit = self.metric
        values = {**self.period, "metric": metric, "unit": unit, "dimension": dimension}
        rows = connection.execute(BY_SLICE, values).fetchall()
        measure = metrics.Measure("average", "", is_count=False)
        return metrics.lines(rows, measure, f"{metric} by {dimension}", SLICES)


def _reconciled(connection: Connection, topic: str) -> list[dict[str, Any]]:
    """Ours beside the vendor's, where the vendor gives a figure."""
    if not is_there(connection, "marts.mart_reconciliation_daily"):
        return []
    try:
        with connection.transaction():
            return _rows(connection, RECONCILED, {"topic": topic.partition("_")[0]})
    except psycopg.errors.UndefinedColumn:
        return []


def _until(rows: list[dict[str, Any]]) -> date:
    if not rows:
        raise ConfigError("no metric is published yet. Run `rapport run` first.")
    until: date = max(row["as_of"] for row in rows).date()
    return until


def _rows(
    connection: Connection, query: str, values: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


KINDS = """
select metric, unit, dimension
from marts.mart_metrics_by_slice_daily
where metric_date > %(since)s and metric_date <= %(until)s
group by metric, unit, dimension
"""

BY_SLICE = """
select metric_date, slice, average
from marts.mart_metrics_by_slice_daily
where
    metric_date > %(since)s and metric_date <= %(until)s
    and metric = %(metric)s and unit = %(unit)s and dimension = %(dimension)s
order by metric_date, slice
"""

RECONCILED = """
select metric, source, date, ours, theirs, difference, explanation
from marts.mart_reconciliation_daily
where position(%(topic)s in metric) > 0
order by date desc, metric, source
limit 20
"""
