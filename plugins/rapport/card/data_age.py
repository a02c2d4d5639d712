"""Which sources a block is made of, and how far behind they are, from `marts.data_status`.

>>> Freshness({}, {"orders": ["files"]}).of("orders")["is_stale"]
True
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict

from rapport.card.rows import Connection
from rapport.quality.freshness import sources_of_entities
from rapport.settings import Settings

Status = tuple[datetime | None, bool]


class Facts(TypedDict):
    """What every block begins with."""

    sources: list[str]
    fresh_as_of: datetime | None
    is_stale: bool


class Freshness:
    """`statuses` is (last good night, is it stale) by source, `entities` the sources by entity."""

    def __init__(
        self, statuses: Mapping[str, Status], entities: Mapping[str, Iterable[str]]
    ) -> None:
        self.statuses = statuses
        self.entities = entities

    def of(self, *entities: str) -> Facts:
        """The facts of a block that is made of these canonical entities."""
        return self.of_sources(
            source for entity in entities for source in self.entities.get(entity, ())
        )

    def of_sources(self, sources: Iterable[str]) -> Facts:
        """The facts of a block that is made of these sources; one never loaded is stale."""
        names = sorted(set(sources))
        never: Status = (None, True)
        nights = [self.statuses.get(name, never)[0] for name in names]
        known = [night for night in nights if night is not None]
        return {
            "sources": names,
            "fresh_as_of": min(known) if known and len(known) == len(nights) else None,
            "is_stale": any(self.statuses.get(name, never)[1] for name in names),
        }


def read_freshness(connection: Connection, entities: Mapping[str, Iterable[str]]) -> Freshness:
    """The freshness of the sources as of the published night."""
    rows = connection.execute("select source, last_good_as_of, is_stale from marts.data_status")
    statuses = {source: (night, is_stale) for source, night, is_stale in rows}
    return Freshness(statuses, entities)


def entities_of(settings: Settings) -> dict[str, list[str]]:
    """The enabled sources of each canonical entity, files only where a dataset is of it."""
    datasets = settings.source_options("files").get("datasets") or {}
    in_files = {dataset["entity"] for dataset in datasets.values()}
    return {
        entity: [source for source in sources if source != "files" or entity in in_files]
        for entity, sources in sources_of_entities(settings.enabled("sources")).items()
    }
