"""The roles that `roles.yml` declares: groups of logins, with what each may do.

>>> sorted(declared()["bi_reader"].schemas)
['marts']
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parents[1] / "roles.yml"


@dataclass(frozen=True, slots=True)
class Role:
    """A group of logins: the privileges it has on every table of a schema."""

    name: str
    purpose: str
    schemas: dict[str, tuple[str, ...]]
    connections: int
    statement_timeout: str | None = None

    @property
    def only_reads(self) -> bool:
        """Whether it may change nothing anywhere."""
        return all(privileges == ("select",) for privileges in self.schemas.values())


@cache
def declared() -> dict[str, Role]:
    """Every role of `roles.yml` by name."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: Role(
            name,
            entry["purpose"],
            {schema: tuple(privileges) for schema, privileges in entry["schemas"].items()},
            entry["connections"],
            entry.get("statement_timeout"),
        )
        for name, entry in content.items()
    }
