"""Finds the sources that are stale, so that lists that need them are frozen.

>>> stale_need(("orders",), {"orders": ["files"]}, stale={"files"})
'orders of files are stale'
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from rapport.connectors import MAPPED, mapped_datasets
from rapport.paths import project_root
from rapport.settings import Settings

STAGING = "dbt_project/models/staging"


def sources_of_entities(settings: Settings, folder: Path | None = None) -> dict[str, list[str]]:
    """The enabled sources of each canonical entity.

    They are read from the names of the staging models, and from the datasets that rapport.yml maps.
    """
    folder = folder or project_root() / STAGING
    enabled = settings.enabled("sources")
    found: dict[str, list[str]] = {}
    for dataset in mapped_datasets(settings).values():
        of_entity = found.setdefault(dataset["entity"], [])
        if dataset["source"] in enabled and dataset["source"] not in of_entity:
            of_entity.append(dataset["source"])
    for path in sorted(folder.rglob("stg_*__*.sql")):
        source, _, entity = path.stem.removeprefix("stg_").partition("__")
        if source in enabled and source != MAPPED:
            found.setdefault(entity, []).append(source)
    return found


def stale_sources(
    connection: psycopg.Connection, enabled: Mapping[str, object], as_of: datetime, hours: int
) -> set[str]:
    """The enabled sources without a good load within `hours` before `as_of` (UTC).

    They are read from `marts.data_status`, where a source that failed the arrival gate is stale.
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
    """A sentence about the first needed entity with a stale source; None if all are fresh."""
    for entity in needs:
        for source in sources.get(entity, []):
            if source in stale:
                return f"{entity} of {source} are stale"
    return None
