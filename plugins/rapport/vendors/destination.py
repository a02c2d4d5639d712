"""What a destination is: a tool that holds lists of people.

One file a tool, one method a direction: `upsert` puts people on a list or changes them, `remove`
takes them off, `contacts` says whom the tool has and whom we must not write to. What was accepted
is answered row by row: read it from the body also where the status is 200 or 207, and answer a
`Job` where the tool only promises (202). The engine decides everything else and knows nothing of a
vendor.

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
    """The tool refused a whole batch because of what is in it: the engine halves it."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A list: the segment's key, what it is for, and the type of each attribute that is sent.

    Types are `string`, `integer`, `float`, `boolean`, `date` and `datetime`.
    """

    key: str
    name: str
    channel: str
    purpose: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """One row for the tool. `aliases` are ids that this customer had before a merge.

    `remote_id` is the tool's own id where it told us one. `is_listed` says that the tool accepted
    this person for the list before. Contact details are those that the channel needs: `phone` for
    sms, `user_id` for push. A trait that is None is to be cleared; in `remove`, those are the
    traits that no other list of the tool still gives this person. The repr shows no personal data.
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
    """People to push in one go. `id` is the same when the same batch is sent again."""

    id: str
    audience: Audience
    people: Sequence[Person]
    run_id: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What the tool said about one person; `error` is a reason without personal data."""

    customer_id: str
    remote_id: str | None = None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the tool holds the row as it was sent."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Job:
    """A batch that the tool took but has not applied yet: no row of it counts as sent."""

    id: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact that the tool holds: its id there, the id that we gave, what it says of them.

    What it says holds for `channel`: email, sms or push. Someone is known by our id, or by every
    address that is given.
    """

    remote_id: str
    external_id: str | None = None
    email: str | None = field(default=None, repr=False)
    says: tuple[Kind, ...] = ()
    phone: str | None = field(default=None, repr=False)
    channel: str = "email"


@dataclass(frozen=True, slots=True)
class Night:
    """What `finish` may ask: the run, and everybody on the list, sorted by customer_id."""

    run_id: str
    as_of: datetime
    code_version: str
    everybody: Callable[[], Iterator[Person]]


class DestinationOptions(BaseModel):
    """What may stand below any destination in rapport.yml; a connector derives its own from it."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, validate_default=True)

    messages_on: MessagesOn | None = None


class Destination(Connector):
    """A tool. A destination overrides `upsert` and `remove`, the rest where the tool has it.

    `name` is what rapport.yml calls it, by default the tool's. `options` are what stands there,
    checked by the model `options_model`; an option without a value counts as left out.
    `batch_size` is how many people one call of `upsert` or `remove` gets, `parallel` how many of
    those calls the engine may have under way at once, from threads of its own. `modes` are what a
    segment may ask of the tool: `mirror` needs a `remove`. `lists_everybody` says that who is
    missing in `contacts` was deleted at the tool. `messages_on` says what makes a message reach a
    person, for the frequency caps: an entry, every change of a trait as well, or nothing, where
    the tool writes to nobody; option `messages_on` of rapport.yml says it for one destination.
    `sends_by` is the channel of a tool that sends one kind of message: its segments must name it,
    so that they ask for the consent to it.

    Each call answers one `Result` per person, or a `Job` that `poll` follows to its end. It raises
    `BatchRefused` when the tool refused all of them for what is in the batch, and `RetryLater` or
    `GiveUp` when it is busy, down, or the login is wrong. A row without an answer was not accepted.
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
        """Make what the list needs at the tool: a tag, attributes. Called before the first row."""

    def upsert(self, batch: Batch) -> Sequence[Result] | Job:
        """Put people on the list, or change them."""
        raise NotImplementedError

    def remove(self, batch: Batch) -> Sequence[Result] | Job:
        """Take people off the list; somebody who is not on it counts as removed.

        After a merge the tool may know somebody under one of the `aliases`: that one has to go.
        """
        raise NotImplementedError

    def poll(self, job: Job, batch: Batch) -> Sequence[Result] | None:
        """What became of a job, row by row; None while the tool is at it."""
        raise NotImplementedError

    def contacts(self) -> Iterator[Contact]:
        """Every contact, or at least each who unsubscribed, bounced or complained."""
        return iter(())

    def members(self, audience: Audience) -> Iterator[Contact] | None:
        """Who is on the list at the tool; None where the tool cannot tell."""
        return None

    def finish(self, audience: Audience, night: Night) -> None:
        """Called when all batches of a list are through, also when there were none."""

    def erase(self, person: Person) -> str | None:
        """Delete a person for good, by `remote_id`, id, `aliases` or address.

        Answers `deleted`, `not there`, or another few words for the receipt that name nobody; None
        where the tool has no call for it, so that somebody has to do it by hand.
        """
        return None

    def close(self) -> None:
        """Let go of what is open."""
