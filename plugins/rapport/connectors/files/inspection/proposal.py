"""A proposed dataset, and what is in doubt about it.

>>> proposal = Proposal("orders", {"entity": "orders"})
>>> proposal.doubt("amount", "no format found")
>>> proposal.doubts
{'amount': ['no format found']}
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Proposal:
    """The entity, the keys of the dataset besides those of its format, and doubts by column."""

    entity: str
    dataset: dict[str, Any]
    doubts: dict[str, list[str]] = field(default_factory=dict)
    export: str | None = None
    questions: dict[str, str] = field(default_factory=dict)

    def doubt(self, about: str, text: str) -> None:
        """Note a doubt about a column of the entity; about the dataset where `about` is empty."""
        self.doubts.setdefault(about, []).append(text)
