"""Which canonical entities are stale tonight, so that the lists made of them stay as they are."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from rapport.paths import project_root

STAGING = "dbt_project/models/staging"


def sources_of_entities(
    enabled: Mapping[str, object], folder: Path | None = None
) -> dict[str, list[str]]:
    """The enabled sources of each canonical entity, found by the names of the staging models."""
    folder = folder or project_root() / STAGING
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("stg_*__*.sql")):
        source, _, entity = path.stem.removeprefix("stg_").partition("__")
        if source in enabled:
            found.setdefault(entity, []).append(source)
    return found


def stale_sources(
    connection: psycopg.Connection, enabled: Mapping[str, object], as_of: datetime, hours: int
) -> set[str]:
    """The enabled sources that `marts.data_status` calls stale, does not know, or last knew good
    more than `hours` before `as_of`; its verdict includes the arrival gate.
    """
    rows = connection.execute(
        "select source from marts.data_status where not is_stale and last_good_as_of >= %s",
        (as_of - timedelta(hours=hours),),
    )
    fresh = {row[0] for row in rows}
    return {source for source in enabled if source not in fresh}


def stale_need(
    needs: tuple[str, ...], sources: Mapping[str, list[str]], stale: set[str]
) -> str | None:
    """The first needed entity whose source is stale, as a sentence; None where all are fresh."""
    for entity in needs:
        for source in sources.get(entity, []):
            if source in stale:
                return f"{entity} of {source} are stale"
    return None
