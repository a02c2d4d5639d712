"""Customer.io: a segment is an attribute of the person, which a segment in Customer.io reads.

A member gets `rapport_<segment>: true` and loses it on leaving; create a data-driven segment on
that attribute in Customer.io. The answer to a batch may be 207: the rows that it names were
refused, the others were accepted. A 200 means that a row was received, not that it is stored:
Customer.io drops a conflicting identifier later.

Track API: https://docs.customer.io/integrations/api/track/#operation/batch
App API (`extra.app_key`), for who said no: https://docs.customer.io/integrations/api/app/
Assumed: an attribute that is sent empty goes away; `_update` keeps a batch from making people.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rapport.connectors.customerio import VENDOR
from rapport.vendors.answers import body_of, code
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.destination import (
    Batch,
    BatchRefused,
    Contact,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http import Client
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.paging import PageTokens

SUPPRESSED: tuple[tuple[str, Kind], ...] = (
    ("bounces", "bounced"),
    ("invalid_emails", "bounced"),
    ("spam_reports", "complained"),
)
OUT = {"attribute": {"field": "unsubscribed", "operator": "eq", "value": "true"}}


class CustomerIo(HttpDestination):
    """People with an attribute a segment."""

    vendor = VENDOR
    address = "https://track.customer.io"
    needed = ("login", "password", "extra.app_key")
    missing = "site ID (login), track API key (password) or app API key (extra.app_key) is missing."
    batch_size = 500  # a call is at most 500 kB
    parallel = 4

    def open(self, connection: Connection) -> Client:
        """The client of the track API; that of the app API is opened beside it."""
        self._app = self.client_at(
            base_url(connection, self.address).replace("://track", "://api"),
            headers={"Authorization": f"Bearer {connection.extra['app_key']}"},
        )
        return super().open(connection)

    def login(self, connection: Connection) -> dict[str, Any]:
        """Basic, for the track API."""
        return {"auth": (connection.login, connection.password)}

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Write the attributes of each person."""
        return self._batch(batch, [_joining(person, batch) for person in batch.people])

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take the attributes off people that are there."""
        return self._batch(batch, [_leaving(person, batch) for person in batch.people])

    def contacts(self) -> Iterator[Contact]:
        """Who unsubscribed, bounced or complained; the others are not listed."""
        tokens, params = PageTokens("customerio /v1/customers"), {"limit": "1000"}
        while True:
            page = self._app.json("POST", "/v1/customers", params=params, json={"filter": OUT})
            for one in page["identifiers"]:
                yield Contact(one["cio_id"], one.get("id"), one.get("email"), ("unsubscribed",))
            if not page.get("next"):
                break
            params["start"] = tokens.check(page["next"])
        for name, kind in SUPPRESSED:
            offset = 0
            while True:
                query = {"limit": 1000, "offset": offset}
                found = self._app.json("GET", f"/v1/esp/suppression/{name}", params=query)
                for row in found["suppressions"]:
                    yield Contact(row["email"], None, row["email"], (kind,))
                if len(found["suppressions"]) < 1000:
                    break
                offset += 1000

    def erase(self, person: Person) -> str:
        """Delete and suppress, since whoever is only deleted comes back with the next call."""
        ids = sorted({person.customer_id, *person.aliases} - {""})
        rows = [
            {"type": "person", "action": action, "identifiers": {"id": id}}
            for id in ids
            for action in ("suppress", "delete")
        ]
        self._client.request("POST", "/api/v2/batch", json={"batch": rows})
        return "deletion asked for"

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._app.__exit__(None, None, None)

    def _batch(self, batch: Batch, rows: list[dict[str, Any]]) -> Sequence[Result]:
        if not rows:
            return []
        answer = self.ask_for_all(
            "POST", "/api/v2/batch", json={"batch": rows}, why=lambda body: "refused"
        )
        told = body_of(answer).get("errors") or []
        errors = {int(e["batch_index"]): code(e.get("reason")) for e in told if "batch_index" in e}
        if len(errors) < len(told) or (answer.status == 207 and not told):
            raise BatchRefused(f"{answer.status} with an error that names no row")
        return [
            Result(person.customer_id, error=errors.get(number))
            for number, person in enumerate(batch.people)
        ]


def _joining(person: Person, batch: Batch) -> dict[str, Any]:
    """Only what is known is sent; a trait that is None is cleared."""
    first, _, last = (person.full_name or "").partition(" ")
    known = {"email": person.email, "phone": person.phone, "first_name": first, "last_name": last}
    attributes: dict[str, Any] = {name: value for name, value in known.items() if value}
    attributes |= {
        f"rapport_{name}": "" if value is None else value
        for name, value in sorted(person.traits.items())
    }
    return _person(person, attributes | {f"rapport_{batch.audience.key}": True})


def _leaving(person: Person, batch: Batch) -> dict[str, Any]:
    names = [batch.audience.key, *sorted(person.traits)]
    return _person(person, {f"rapport_{name}": "" for name in names} | {"_update": True})


def _person(person: Person, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "person",
        "action": "identify",
        "identifiers": {"id": person.customer_id},
        "attributes": attributes,
    }
