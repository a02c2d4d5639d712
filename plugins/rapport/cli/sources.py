"""`rapport sources`: streams, last good load, and what each connection needs."""

from typing import Any

import typer

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sources)


def sources(as_json: AsJson = False) -> None:
    """List all sources: on or off, streams, last good load, what the connection needs."""
    from rich.table import Table

    rows = _rows()

    def render() -> Table:
        table = Table(title="Sources")
        for column in ("source", "on", "stream", "last good load", "records", "connection needs"):
            table.add_column(column)
        for row in rows:
            for number, stream in enumerate(row["streams"]):
                table.add_row(
                    row["source"] if number == 0 else "",
                    ("yes" if row["enabled"] else "no") if number == 0 else "",
                    stream["stream"],
                    stream["last_good_load"] or "never",
                    f"{stream['records']:,}",
                    ", ".join(row["connection"]) if number == 0 else "",
                )
        return table

    show(rows, render, as_json)


def _rows() -> list[dict[str, Any]]:
    from psycopg import sql

    from rapport import landing, warehouse
    from rapport.connectors import all_sources, open_source
    from rapport.landing.raw_tables import table_of
    from rapport.settings import load_settings

    settings = load_settings()
    enabled = settings.enabled("sources")
    warehouse.migrate()
    rows = []
    with warehouse.connect() as connection:
        landing.ensure_tables(connection, settings)
        good = {
            (source, stream): at
            for source, stream, at in connection.execute(
                "select source, stream, max(finished_at) from raw.loads"
                " where finished_at is not null group by source, stream"
            )
        }
        for name, source in all_sources().items():
            streams = []
            for stream in open_source(name, settings).streams():
                count = connection.execute(
                    sql.SQL("select count(*) from {} where is_latest and not is_deleted").format(
                        table_of(name, stream.name)
                    )
                ).fetchone()
                at = good.get((name, stream.name))
                streams.append(
                    {
                        "stream": stream.name,
                        "last_good_load": at.isoformat(timespec="seconds") if at else None,
                        "records": count[0] if count else 0,
                    }
                )
            rows.append(
                {
                    "source": name,
                    "enabled": name in enabled,
                    "documentation": source.documentation,
                    "connection": dict(source.connection_fields),
                    "streams": streams,
                }
            )
    return rows
