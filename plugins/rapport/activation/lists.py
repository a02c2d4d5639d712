"""One list on the way through one run, for those who take its batches and record the answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions
from rapport.vendors.destination import Audience


@dataclass(frozen=True, slots=True)
class List:
    """A segment at a destination, and the run."""

    segment: Segment
    destination: str
    audience: Audience
    options: ActivationOptions
    run_id: str
    as_of: datetime

    @property
    def names(self) -> dict[str, Any]:
        """The values that statements about this list ask for."""
        return {
            "destination": self.destination,
            "segment": self.segment.key,
            "run_id": self.run_id,
            "as_of": self.as_of,
        }
