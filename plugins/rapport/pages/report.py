"""The report of a night: one HTML file that loads nothing and holds no personal data.

>>> write("20260331T030000Z-01")  # doctest: +SKIP
PosixPath('var/runs/20260331T030000Z-01/report.html')
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from markupsafe import Markup

from rapport import warehouse
from rapport.activation.answers.list_problems import standings
from rapport.activation.segments.declarations import load
from rapport.identity.audit import audit
from rapport.pages import metrics
from rapport.pages.rendering import STATIC, render
from rapport.paths import draft_of, var_dir
from rapport.runs.overview import Overview, read_run
from rapport.settings import load_settings
from rapport.warehouse.tables import is_there

MOST_PLOTS = 40
Warehouse = psycopg.Connection[Any]

__all__ = ["path_of", "write"]


def path_of(run_id: str) -> Path:
    """The path of the report of a run."""
    return var_dir() / "runs" / run_id / "report.html"


def write(run_id: str) -> Path:
    """Write the report of a run, however far it got; readers see the old file or the new one.

    Raises `ConfigError` for a run that never was.
    """
    path = path_of(run_id)
    with warehouse.connect() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        run = read_run(connection, run_id)
        plots = _plots(connection, run) if run.is_published else []
        is_resolved = is_there(connection, "identity.excluded_edges")
        identity = audit(connection, run_id) if is_resolved else None
        held_up = standings(connection, load(), load_settings())
    style = _asset("vendor/uplot/uPlot.min.css") + _asset("rapport.css")
    uplot, charts = _asset("vendor/uplot/uPlot.iife.min.js"), _asset("charts.js")
    page = render(
        "report.html",
        run=run,
        plots=plots,
        identity=identity,
        held_up=held_up,
        links=_links(path.parent, run),
        company=load_settings().company.name,
        style=Markup(style),  # noqa: S704 - files of this package
        uplot=Markup(uplot),  # noqa: S704
        charts=Markup(charts),  # noqa: S704
        policy=policy([style], [uplot, charts]),
    )
    with draft_of(path) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")
    return path


def policy(styles: list[str], scripts: list[str]) -> str:
    """A Content-Security-Policy that lets these texts run and nothing else load.

    >>> policy([""], [])
    "default-src 'none'; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; \
script-src 'none'; base-uri 'none'; form-action 'none'"
    """
    return (
        f"default-src 'none'; style-src {_hashes(styles)}; script-src {_hashes(scripts)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hashes(texts: list[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests) or "'none'"


def _asset(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _plots(connection: Warehouse, run: Overview) -> list[metrics.Plot]:
    """Every headline, then each other mart that is cut by one dimension at most."""
    marts = metrics.catalogue(connection)
    until = run.as_of.date()
    before = _metrics_before(connection, run)
    plots = []
    for row in metrics.headlines(connection):
        headline = {"value": row["value"], "before": before.get(row["metric"])}
        plot = metrics.draw(connection, marts, row["metric"], until)
        if plot is not None:
            plots.append(metrics.with_headline(plot, headline))
    drawn = {plot.mart for plot in plots}
    for name, mart in marts.items():
        if name in drawn or len(mart.dimensions) > 1:
            continue
        title = f"{mart.topic}_{mart.main.name}"
        plot = metrics.plot(connection, mart, mart.main.name, until=until, title=title)
        if plot.lines:
            plots.append(plot)
    return plots[:MOST_PLOTS]


def _metrics_before(connection: Warehouse, run: Overview) -> dict[str, float | None]:
    """The headlines of the last published night before, from its summary where it is kept."""
    row = connection.execute(
        "select run_id from ops.publications where as_of < %s order by as_of desc limit 1",
        (run.as_of,),
    ).fetchone()
    path = var_dir() / "runs" / row[0] / "summary.json" if row else None
    if path is None or not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8")).get("metrics", {})
    except (ValueError, AttributeError):
        return {}
    return values if isinstance(values, dict) else {}


def _links(folder: Path, run: Overview) -> dict[tuple[str, str], str]:
    """The pages of the gates that left one, relative to the report."""
    links = {}
    for gate in run.gates:
        name = f"{gate['gate']}-{gate['source']}" if gate["source"] else gate["gate"]
        if (folder / "quality" / name / "index.html").is_file():
            links[gate["gate"], gate["source"]] = f"quality/{quote(name)}/index.html"
    return links
