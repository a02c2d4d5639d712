"""A destination whose people are contacts of a CRM: find, update, create, and put on a list.

A contact is found by our id, which is stored in a custom field (option `customer_id`), else by
address. An existing contact keeps its name and its other lists. A missing contact is created. A
contact with the id of another customer is left unchanged.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from rapport.vendors.answers import address_key, first_of_each_address, results
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Person,
    Result,
)
from rapport.vendors.http_destination import HttpDestination


class CrmOptions(DestinationOptions):
    """`customer_id` is the field for our id, which must be an `own_field`. `fields` maps each trait
    that is sent to its field."""

    own_field: ClassVar[str]

    customer_id: str = ""
    fields: dict[str, str] = Field(default_factory=dict)

    @field_validator("customer_id")
    @classmethod
    def _is_named(cls, value: str) -> str:
        if not value:
            raise ValueError(f"name the field of a contact that holds our id: {cls.own_field}")
        return value


class Crm(HttpDestination):
    """A CRM. A connector overrides the methods that raise `NotImplementedError`.

    `gone` are the error reasons that mean that a contact, or its place on a list, no longer exists.
    """

    options: CrmOptions
    gone: ClassVar[frozenset[str]]
    lists_everybody = True

    @property
    def own(self) -> str:
        """The field with our id."""
        return self.options.customer_id

    @property
    def fields(self) -> Mapping[str, str]:
        """The field of each trait that is sent."""
        return self.options.fields

    def looked_up(self, own: Sequence[str], emails: Sequence[str]) -> Iterable[Contact]:
        """The contacts with one of these ids or addresses, the oldest first."""
        raise NotImplementedError

    def write(self, records: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
        """Write fields, by customer, to the contact of each id; returns the reasons of refusals."""
        raise NotImplementedError

    def make(self, people: Sequence[Person]) -> tuple[dict[str, str], dict[str, str]]:
        """Create contacts by our id, so that a repeated call creates no duplicate.

        Returns the new ids and the reasons of the refusals, by customer.
        """
        raise NotImplementedError

    def join(self, audience: Audience, ids: Mapping[str, str]) -> dict[str, str]:
        """Put contacts, by customer, on the list; returns the reason of each refusal."""
        raise NotImplementedError

    def leave(self, audience: Audience, ids: Mapping[str, str]) -> dict[str, str]:
        """Take contacts, by customer, off the list; returns the reason of each refusal."""
        raise NotImplementedError

    def remote_id(self, person: Person) -> str | None:
        """The contact's id at the CRM, if known."""
        return person.remote_id

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Update existing contacts, create the others, and put all of them on the list."""
        people, errors = first_of_each_address(batch.people)
        ids: dict[str, str] = {}
        known = {p.customer_id: p for p in people.values()}
        remembered = {key: id for key, p in known.items() if (id := self.remote_id(p))}
        lost = self._update(remembered, known, ids, errors)
        unknown = [p for p in known.values() if p.customer_id in lost or not p.remote_id]
        found, taken = self.find(unknown)
        errors |= dict.fromkeys(taken, "the address is that of another customer's contact")
        errors |= self._update(found, known, ids, errors)
        new = [p for p in unknown if p.customer_id not in {*found, *taken}]
        named = [p for p in new if (p.full_name or "").strip()]
        errors |= {p.customer_id: "no name" for p in new if p not in named}
        if named:
            made, refused = self.make(named)
            ids |= made
            errors |= refused
        if ids:
            errors |= self.join(batch.audience, ids)
        return results(batch, errors, ids)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take people off the list, and clear the traits that no other list sends."""
        ids = {p.customer_id: id for p in batch.people if (id := self.remote_id(p))}
        ids |= self.find([p for p in batch.people if not p.remote_id], by_address=False)[0]
        refused = self.leave(batch.audience, ids) if ids else {}
        errors = {key: why for key, why in refused.items() if why not in self.gone}
        cleared = {
            p.customer_id: (ids[p.customer_id], fields)
            for p in batch.people
            if p.customer_id in ids
            and (fields := {self.fields[name]: None for name in p.traits if name in self.fields})
        }
        if cleared:
            self.write(cleared)
        return results(batch, errors, ids)

    def find(
        self, people: Sequence[Person], by_address: bool = True
    ) -> tuple[dict[str, str], set[str]]:
        """The contacts of people, by our present or a former id, else by address.

        The second value is the customers whose address is on another customer's contact.
        """
        own = {id: p.customer_id for p in people for id in (*p.aliases, p.customer_id)}
        emails = {address_key(p.email): p.customer_id for p in people if p.email and by_address}
        rows = list(self.looked_up(list(own), list(emails))) if people else []
        found: dict[str, str] = {}
        taken: set[str] = set()
        for row in rows:
            if row.external_id in own:
                found.setdefault(own[row.external_id], row.remote_id)
        for row in rows:
            key = emails.get(address_key(row.email or ""))
            if key is not None and not row.external_id:
                found.setdefault(key, row.remote_id)
            elif key is not None and row.external_id not in own:
                taken.add(key)
        return found, taken - found.keys()

    def ours(self, person: Person) -> set[str]:
        """The contacts with an id of ours. Not by address, which another customer may share."""
        known = self.remote_id(person)
        return {*([known] if known else ()), *self.find([person], by_address=False)[0].values()}

    def said(self, person: Person) -> dict[str, Any]:
        """Our id and the traits that have a field."""
        traits = {self.fields[n]: v for n, v in person.traits.items() if n in self.fields}
        return {self.own: person.customer_id, **dict(sorted(traits.items()))}

    def _update(
        self,
        wanted: Mapping[str, str],
        people: Mapping[str, Person],
        ids: dict[str, str],
        errors: dict[str, str],
    ) -> dict[str, str]:
        """Write ids and traits to contacts; returns the reasons for contacts that are gone."""
        said = {key: (id, self.said(people[key])) for key, id in wanted.items()}
        refused = self.write(said) if said else {}
        ids |= {key: id for key, id in wanted.items() if key not in refused}
        errors |= {key: why for key, why in refused.items() if why not in self.gone}
        return {key: why for key, why in refused.items() if why in self.gone}
