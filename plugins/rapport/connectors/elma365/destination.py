"""ELMA365: a segment is a yes/no field of an item, in the app that rapport.yml names.

    destinations:
      elma365: {namespace: marketing, code: people, id: rapport_id, email: _email}

`full_name` may name a text field too.

Each person is one item, whose text field `id` holds our customer_id. The fields `rapport_<segment>`
(yes/no) and `rapport_<trait>` must be in the app, since no call makes a field: a field that the app
does not have is swallowed in silence, so each answer is read for what was written. Leaving sets the
field to no and empties the traits; the item stays, with what your people wrote into it.

An item is found by its id there, else by our id; a filter finds every text that contains the one
asked for, so what comes back is compared. A 200 that says `success: false` refuses the row.

API: https://api.elma365.com/en/public-api/reference/app/appcreate/
Assumed: a create or an update answers with the item as it is now, and null empties a field.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import model_validator

from rapport.connectors.elma365 import VENDOR
from rapport.connectors.elma365.apps import App
from rapport.errors import RetryLater
from rapport.vendors.answers import REFUSED, body_of, each
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Person,
    Result,
)
from rapport.vendors.http_destination import HttpDestination

LARGEST_PAGE = 100


class Options(DestinationOptions):
    """The app that is written to, and which of its fields hold what."""

    namespace: str = ""
    code: str = ""
    id: str = "rapport_id"
    email: str | None = None
    full_name: str | None = None

    @model_validator(mode="after")
    def _names_an_app(self) -> Self:
        if not self.namespace or not self.code:
            raise ValueError(
                "name the app that is written to, as in {namespace: marketing, code: people}"
            )
        return self


class Elma365(HttpDestination):
    """Items of an app, one a person, with a yes/no field a segment."""

    vendor = VENDOR
    options: Options
    options_model = Options
    missing = "the token is missing (password)."
    batch_size = 50
    connections = 4

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._app = App(namespace=self.options.namespace, code=self.options.code).path
        self._id = self.options.id

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Change each person's item, or make it."""
        return each(lambda p: self._put(p, batch.audience), batch.people, self.connections)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Set the segment's field to no; who has no item counts as removed."""
        return each(lambda p: self._take_off(p, batch.audience), batch.people, self.connections)

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Whose field says yes."""
        for item in self._list({_field(audience.key): True}):
            yield Contact(str(item["__id"]), item.get(self._id))

    def _put(self, person: Person, audience: Audience) -> Result:
        context: dict[str, Any] = {self._id: person.customer_id, _field(audience.key): True}
        context |= {_field(name): value for name, value in sorted(person.traits.items())}
        if (email := self.options.email) and person.email:
            context[email] = [{"type": "main", "email": person.email}]
        if (name := self.options.full_name) and person.full_name:
            context[name] = person.full_name
        if person.remote_id and (item := self._write(f"{person.remote_id}/update", context)):
            return self._result(person, item, context)
        ids = self._find(person)
        for former in ids[1:]:
            self._write(f"{former}/update", _cleared(person, audience))
        item = self._write(f"{ids[0]}/update" if ids else "create", context)
        return self._result(person, item, context)

    def _take_off(self, person: Person, audience: Audience) -> Result:
        cleared = _cleared(person, audience)
        for id in [person.remote_id] if person.remote_id else self._find(person):
            self._write(f"{id}/update", cleared)
        return Result(person.customer_id, person.remote_id)

    def _find(self, person: Person) -> list[str]:
        """The items of a person, under the id that they have first, then under former ones."""
        found: list[str] = []
        for id in (person.customer_id, *person.aliases):
            items = self._list({self._id: id})
            found += [str(item["__id"]) for item in items if item.get(self._id) == id]
        return found

    def _list(self, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        start = 0
        while True:
            body = {
                "active": True,
                "filter": {"tf": wanted},
                "from": start,
                "size": LARGEST_PAGE,
                "sortExpressions": [{"field": "__id", "ascending": True}],
            }
            answer = self._client.json("POST", f"{self._app}/list", json=body)
            if not answer.get("success"):
                raise RetryLater(f"elma365: {self._app}/list says that it failed. Run again.")
            rows = answer["result"]["result"] or []
            yield from rows
            if len(rows) < LARGEST_PAGE:
                return
            start += LARGEST_PAGE

    def _write(self, call: str, context: Mapping[str, Any]) -> dict[str, Any] | None:
        """The item as it is now; None where the call was refused."""
        answer = self._client.request(
            "POST", f"{self._app}/{call}", json={"context": context}, ok=REFUSED
        )
        body = body_of(answer)
        if answer.status >= 400 or not body.get("success"):
            return None
        return dict(body.get("item") or {})

    def _result(
        self, person: Person, item: Mapping[str, Any] | None, context: Mapping[str, Any]
    ) -> Result:
        if item is None:
            return Result(person.customer_id, error="success is false: a value was refused")
        for name, value in context.items():
            if value is not None and name not in item:
                return Result(person.customer_id, error=f"the app has no field {name}")
        return Result(person.customer_id, str(item["__id"]))


def _field(name: str) -> str:
    return f"rapport_{name}"


def _cleared(person: Person, audience: Audience) -> dict[str, Any]:
    return {_field(audience.key): False, **{_field(name): None for name in sorted(person.traits)}}
