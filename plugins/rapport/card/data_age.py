"""The sources of each block of the card and their freshness, from `marts.data_status`.

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
    """The fields that every block has."""

    sources: list[str]
    fresh_as_of: datetime | None
    is_stale: bool


class Freshness:
    """The freshness of the sources.

    `statuses` maps a source to (time of the last good load, is stale), `entities` maps a canonical
    entity to its sources.
    """

    def __init__(
        self, statuses: Mapping[str, Status], entities: Mapping[str, Iterable[str]]
    ) -> None:
        self.statuses = statuses
        self.entities = entities

    def of(self, *entities: str) -> Facts:
        """The fields of a block that shows these canonical entities."""
        return self.of_sources(
            source for entity in entities for source in self.entities.get(entity, ())
        )

    def of_sources(self, sources: Iterable[str]) -> Facts:
        """The fields of a block that shows these sources. A source that never loaded is stale."""
        names = sorted(set(sources))
        never: Status = (None, True)
        loads = [self.statuses.get(name, never)[0] for name in names]
        known = [load for load in loads if load is not None]
        return {
            "sources": names,
            "fresh_as_of": min(known) if known and len(known) == len(loads) else None,
            "is_stale": any(self.statuses.get(name, never)[1] for name in names),
        }


def read_freshness(connection: Connection, entities: Mapping[str, Iterable[str]]) -> Freshness:
    """Read the freshness of all sources as of the published run."""
    rows = connection.execute("select source, last_good_as_of, is_stale from marts.data_status")
    statuses = {source: (last_good, is_stale) for source, last_good, is_stale in rows}
    return Freshness(statuses, entities)


def entities_of(settings: Settings) -> dict[str, list[str]]:
    """The enabled sources of each canonical entity."""
    return sources_of_entities(settings)
