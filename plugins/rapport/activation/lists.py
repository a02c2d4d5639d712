"""A list: the members of a segment at one destination. Planning and sync pass it on as one object.

>>> known = KnownList("postbox", segment, "declared", None)  # doctest: +SKIP
>>> known.in_run(options, "20260331T030000Z-01", as_of).sync_id  # doctest: +SKIP
'postbox/payment_failed'
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions

Standing = Literal["declared", "unreadable", "retired", "orphaned"]


@dataclass(frozen=True, slots=True)
class KnownList:
    """A segment at a destination, outside of any run.

    `standing` says whether the list is declared, and `cause` why not, where that is so.
    """

    destination: str
    segment: Segment
    standing: Standing
    cause: str | None

    @property
    def has_members(self) -> bool:
        """Whether the segment puts customers on the list; else everybody on it must leave."""
        return self.standing in ("declared", "unreadable")

    @property
    def sync_id(self) -> str:
        """The name of the list in the published tables about syncs."""
        return f"{self.destination}/{self.segment.key}"

    def in_run(self, options: ActivationOptions, run_id: str, as_of: datetime) -> "List":
        """The same list in a run; `as_of` is the logical time of the run, in UTC."""
        return List(
            self.destination, self.segment, self.standing, self.cause, options, run_id, as_of
        )


@dataclass(frozen=True, slots=True)
class List(KnownList):
    """A known list in one run."""

    options: ActivationOptions
    run_id: str
    as_of: datetime

    @property
    def names(self) -> dict[str, Any]:
        """The parameters that statements about this list use."""
        return {
            "destination": self.destination,
            "segment": self.segment.key,
            "run_id": self.run_id,
            "as_of": self.as_of,
        }
