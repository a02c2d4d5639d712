"""Doubles that behave as the real tools do: lists, messages, unsubscribes by address, faults.

Each double is a subclass of the real destination, so that what a destination declares about itself
holds for its double too. What a tool holds is in its `Account`, which outlives the connection.

>>> Account("intercom").unsubscribe("ann@example.com")  # doctest: +SKIP
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rapport.connectors.intercom.destination import Intercom
from rapport.connectors.mailchimp.destination import Mailchimp
from rapport.connectors.sendgrid.mail_destination import SendGridMail
from rapport.connectors.twilio.destination import Twilio
from rapport.errors import RetryLater
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    Destination,
    DestinationOptions,
    Person,
    Result,
)


@dataclass
class Account:
    """What one tool holds. Contacts are by the tool's own id; `lists` has these ids by segment."""

    name: str
    is_down: bool = False
    is_mute: bool = False
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    lists: dict[str, set[str]] = field(default_factory=dict)
    texts: set[tuple[str, ...]] = field(default_factory=set)
    made: int = 0
    judge: Callable[[str, str, Batch, Person, bool], None] = lambda *_: None
    passes: Callable[[], None] = lambda: None
    is_asked_to_erase: Callable[["Account", Person], None] = lambda *_: None
    while_erasing: Callable[[], None] | None = None
    aside: threading.Thread | None = None

    def unsubscribe(self, address: str) -> None:
        """Somebody opts out there by an address, which may be one that we never gave."""
        contact = self.contacts[self.by_address(address) or self.new(address)]
        contact["is_out"] = True

    def subscribe(self, address: str) -> None:
        """The tool says no more that the address is out."""
        if remote_id := self.by_address(address):
            self.contacts[remote_id]["is_out"] = False

    def by_address(self, address: str | None) -> str | None:
        found = (key for key, row in self.contacts.items() if row["address"] == address)
        return next(found, None)

    def by_ids(self, ids: set[str]) -> set[str]:
        return {key for key, row in self.contacts.items() if row["external_id"] in ids}

    def new(self, address: str | None, external_id: str | None = None) -> str:
        self.made += 1
        remote_id = f"{self.name}-{self.made}"
        self.contacts[remote_id] = {"address": address, "external_id": external_id, "is_out": False}
        return remote_id

    def on(self, segment: str) -> list[dict[str, Any]]:
        """The contacts of a list."""
        return [self.contacts[key] for key in sorted(self.lists.get(segment, ()))]

    def forget(self, remote_ids: set[str]) -> None:
        for remote_id in remote_ids:
            self.contacts.pop(remote_id, None)
        for people in self.lists.values():
            people -= remote_ids


class Double:
    """What the doubles share; stands before the real destination in the order of bases."""

    needs_connection = False
    options_model = DestinationOptions
    parallel = 1
    batch_size = 3
    has_erased = False
    accounts: ClassVar[dict[str, Account]] = {}
    name: str

    def __init__(self, *arguments: Any, **options: Any) -> None:
        Destination.__init__(self)  # type: ignore[arg-type]

    @property
    def account(self) -> Account:
        return self.accounts[self.name]

    def prepare(self, audience: Audience) -> None:
        self._reach()

    def upsert(self, batch: Batch) -> Sequence[Result]:
        self._reach()
        self.account.passes()
        results = []
        for number, person in enumerate(batch.people):
            if number == len(batch.people) // 2:
                self.account.passes()
            results.append(self._put(batch, person))
        return results

    def remove(self, batch: Batch) -> Sequence[Result]:
        self._reach()
        for person in batch.people:
            gone = self._contacts_of(person)
            self.account.lists.setdefault(batch.audience.key, set()).difference_update(gone)
        return [Result(person.customer_id) for person in batch.people]

    def contacts(self) -> Iterator[Contact]:
        if self.account.is_mute:
            raise RetryLater(f"{self.name}: 503 on the list of contacts")
        self._reach()
        for remote_id, row in list(self.account.contacts.items()):
            says = ("unsubscribed",) if row["is_out"] else ()
            if says or self.lists_everybody:  # type: ignore[attr-defined]
                yield self._contact(remote_id, row, says)

    def members(self, audience: Audience) -> Iterator[Contact] | None:
        self._reach()
        rows = [
            (key, self.account.contacts[key]) for key in self.account.lists.get(audience.key, ())
        ]
        return iter([self._contact(key, row, ()) for key, row in rows])

    def finish(self, audience: Audience, run: Any) -> None:
        pass

    def erase(self, person: Person) -> str | None:
        self._reach()
        self.account.is_asked_to_erase(self.account, person)
        self.account.forget(self._contacts_of(person))
        self.has_erased = True
        return "deleted"

    def close(self) -> None:
        push = self.account.while_erasing
        if self.has_erased and push is not None:
            self.account.while_erasing = None
            thread = threading.Thread(target=push)
            thread.start()
            # Where the two exclude each other by waiting, the push goes on after the erasure.
            thread.join(3)
            self.account.aside = thread

    def _reach(self) -> None:
        if self.account.is_down:
            raise RetryLater(f"{self.name}: 503")

    def _contact(self, remote_id: str, row: dict[str, Any], says: tuple[Any, ...]) -> Contact:
        return Contact(remote_id, row["external_id"], row["address"], says)

    def _contacts_of(self, person: Person) -> set[str]:
        found = self.account.by_ids({person.customer_id, *person.aliases} - {""})
        for remote_id in (person.remote_id, self.account.by_address(person.email)):
            found |= {remote_id} if remote_id in self.account.contacts else set()
        return found  # type: ignore[return-value]

    def _put(self, batch: Batch, person: Person) -> Result:
        """The contact with the person's address and id, on the list; that of an alias is off it."""
        account = self.account
        own = account.by_ids({person.customer_id}) or account.by_ids(set(person.aliases))
        if not own and person.remote_id in account.contacts:
            own = {person.remote_id}
        same = account.by_address(person.email)
        remote_id = same or next(iter(sorted(own)), None) or account.new(person.email)
        others = (own | account.by_ids(set(person.aliases))) - {remote_id}
        for other in own - {remote_id}:
            account.contacts[other]["external_id"] = None
        account.contacts[remote_id] |= {"address": person.email, "external_id": self._id(person)}
        people = account.lists.setdefault(batch.audience.key, set())
        people -= others
        is_new = not person.is_listed and remote_id not in people
        account.judge(self.name, str(person.email), batch, person, is_new)
        people.add(remote_id)
        return Result(person.customer_id, remote_id)

    def _id(self, person: Person) -> str | None:
        return person.customer_id


class IntercomDouble(Double, Intercom):
    """Contacts by our id, and those who wrote by themselves; a tag a list."""


class MailchimpDouble(Double, Mailchimp):
    """Contacts by their address alone: the tool does not know our id."""

    def _id(self, person: Person) -> str | None:
        return None


class SendGridMailDouble(Double, SendGridMail):
    """A mail to whoever enters; there is no list at the tool."""

    def members(self, audience: Audience) -> None:
        return None

    def contacts(self) -> Iterator[Contact]:
        for contact in Double.contacts(self):
            if contact.says:
                yield Contact(contact.remote_id, None, contact.email, contact.says)

    def _put(self, batch: Batch, person: Person) -> Result:
        if not person.is_listed:
            self.account.judge(self.name, str(person.email), batch, person, True)
        return Result(person.customer_id)


class TwilioDouble(Double, Twilio):
    """A text message for each row, but for one that was sent today already."""

    def members(self, audience: Audience) -> None:
        return None

    def contacts(self) -> Iterator[Contact]:
        for contact in Double.contacts(self):
            phone = str(contact.email)
            yield Contact(phone, None, None, contact.says, phone=phone, channel="sms")

    def _put(self, batch: Batch, person: Person) -> Result:
        text = (str(person.phone), batch.audience.key, str(person.traits), str(batch.as_of.date()))
        if text not in self.account.texts:
            self.account.judge(self.name, str(person.phone), batch, person, True)
            self.account.texts.add(text)
        return Result(person.customer_id, f"message-{len(self.account.texts)}")


DOUBLES: dict[str, type[Destination]] = {
    "intercom": IntercomDouble,
    "mailchimp": MailchimpDouble,
    "sendgrid_mail": SendGridMailDouble,
    "twilio": TwilioDouble,
}
LISTS = ("intercom", "mailchimp")
