"""The interface of a destination, which holds lists of people.

Each destination is one class with one method per direction. `upsert` adds people to a list or
updates them, `remove` takes them off, and `contacts` reads who is there and who must not be written
to. A method reports for each person whether the destination accepted the row. Read this from the
body even if the status is 200 or 207, and return a `Job` if the vendor applies the batch later
(202). Activation decides everything else and contains no code for a single vendor.

>>> Result("c_1").accepted
True
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from rapport.errors import RapportError
from rapport.vendors.connections import Connection
from rapport.vendors.options import validated
from rapport.vendors.vendor import Connector

Kind = Literal["unsubscribed", "bounced", "complained", "deleted"]
Mode = Literal["mirror", "upsert", "add-only"]
MessagesOn = Literal["nothing", "entry", "change"]


class BatchRefused(RapportError):
    """The destination refused a whole batch for its content. The push halves it and sends again."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A list: the segment's key, its purpose and channel, and the type of each attribute sent.

    Types are `string`, `integer`, `float`, `boolean`, `date` and `datetime`.
    """

    key: str
    name: str
    channel: str
    purpose: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """One person to send. `aliases` are ids that this customer had before a merge.

    `remote_id` is the destination's own id of the person, if known. `is_listed` is true if the
    destination accepted this person for the list before. Only the contact details that the channel
    needs are set: `phone` for sms, `user_id` for push. A trait that is None must be cleared. In
    `remove`, these are the traits that no other list at the destination still sends for this
    person. The repr shows no personal data.
    """

    customer_id: str
    remote_id: str | None = None
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    full_name: str | None = field(default=None, repr=False)
    user_id: str | None = field(default=None, repr=False)
    aliases: tuple[str, ...] = ()
    is_listed: bool = False
    traits: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """People to send in one call. `id` stays the same when the same batch is sent again."""

    id: str
    audience: Audience
    people: Sequence[Person]
    run_id: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """The destination's answer for one person; `error` is a reason without personal data."""

    customer_id: str
    remote_id: str | None = None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the destination stored the row as it was sent."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Job:
    """A batch that the vendor received but has not applied yet. None of its rows counts as sent."""

    id: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact at the destination: the vendor's id, our id if it is stored there, and its state.

    `says` lists the reports about the contact, such as `unsubscribed`. They apply to `channel`:
    email, sms or push. A contact is matched to a customer by our id, or by every address given.
    """

    remote_id: str
    external_id: str | None = None
    email: str | None = field(default=None, repr=False)
    says: tuple[Kind, ...] = ()
    phone: str | None = field(default=None, repr=False)
    channel: str = "email"


@dataclass(frozen=True, slots=True)
class RunContext:
    """The run that `finish` belongs to, and everybody on the list, sorted by customer_id."""

    run_id: str
    as_of: datetime
    code_version: str
    everybody: Callable[[], Iterator[Person]]


class DestinationOptions(BaseModel):
    """The options of every destination in rapport.yml; a connector adds its own in a subclass."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, validate_default=True)

    messages_on: MessagesOn | None = None


class Destination(Connector):
    """A destination. A subclass overrides `upsert` and `remove`, and whatever else the vendor has.

    `name` is the name in rapport.yml, by default the vendor's. `options` are the options there,
    checked by the model `options_model`; an option without a value counts as absent. `batch_size`
    is the number of people in one call of `upsert` or `remove`. `parallel` is the number of these
    calls that may run at once, each in its own thread. `modes` are the modes that a segment may
    use; `mirror` needs a `remove`. `lists_everybody` means that `contacts` returns every contact:
    a person missing there was deleted at the destination. `messages_on` says what causes a message
    to a person, for the message caps: `entry`, `change` (an entry or a change of a trait), or
    `nothing`. The option `messages_on` of rapport.yml overrides it for one destination. `sends_by`
    is the channel of a destination that sends one kind of message. Its segments must name this
    channel, so that consent for it is checked.

    Each call returns one `Result` per person, or a `Job` that `poll` follows to its end. A call
    raises `BatchRefused` if the vendor refused the whole batch for its content, and `RetryLater`
    or `GiveUp` if the vendor is busy or down, or refuses the login. A person without a result was
    not accepted.
    """

    options: DestinationOptions
    options_model: ClassVar[type[DestinationOptions]] = DestinationOptions
    modes: ClassVar[tuple[Mode, ...]] = ("mirror", "upsert", "add-only")
    messages_on: ClassVar[MessagesOn] = "entry"
    sends_by: ClassVar[str | None] = None
    batch_size: int = 100
    parallel: int = 1
    lists_everybody: bool = False

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        connection: Connection | None = None,
        *,
        name: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name or type(self).name
        given = {key: value for key, value in (options or {}).items() if value is not None}
        self.options = validated(self.options_model, given, self.name, "destinations")
        self.connection = connection
        self.sleep = sleep

    def prepare(self, audience: Audience) -> None:
        """Create what the list needs, such as a tag or fields. Called before the first batch."""

    def upsert(self, batch: Batch) -> Sequence[Result] | Job:
        """Add people to the list, or update them."""
        raise NotImplementedError

    def remove(self, batch: Batch) -> Sequence[Result] | Job:
        """Take people off the list. A person who is not on it counts as removed.

        After a merge the destination may store a person under one of the `aliases`. Remove that
        entry too.
        """
        raise NotImplementedError

    def poll(self, job: Job, batch: Batch) -> Sequence[Result] | None:
        """The results of a job, one per person; None while it is still running."""
        raise NotImplementedError

    def contacts(self) -> Iterator[Contact]:
        """Every contact, or at least each who unsubscribed, bounced or complained."""
        return iter(())

    def members(self, audience: Audience) -> Iterator[Contact] | None:
        """The contacts on the list at the destination; None if the vendor cannot return them."""
        return None

    def finish(self, audience: Audience, run: RunContext) -> None:
        """Called after the last batch of a list, also if there were no batches."""

    def erase(self, person: Person) -> str | None:
        """Delete a person permanently, by `remote_id`, id, `aliases` or address.

        Returns `deleted`, `not there`, or another short text for the receipt without personal
        data; None if the vendor has no call for this, so that it must be done by hand.
        """
        return None

    def close(self) -> None:
        """Close open connections and files."""
