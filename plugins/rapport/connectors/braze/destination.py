"""Braze: a segment is an attribute of the user, which a segment in Braze reads.

Segments cannot be written in Braze. A member gets `rapport_<segment>: true` and loses it on
leaving; create a segment on that attribute in Braze. Each written attribute is a billed data point,
so people who are already on the list get their changed row without it. A 201 with the message
"success" may name refused rows, by index; any other message means that no row was accepted. A
removal never creates a user.

API: https://www.braze.com/docs/api/endpoints/user_data/post_user_track
Assumed: an attribute that is sent as null goes away.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rapport.connectors.braze import VENDOR
from rapport.errors import RetryLater
from rapport.vendors.answers import body_of, code
from rapport.vendors.destination import (
    Batch,
    BatchRefused,
    Contact,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http_destination import HttpDestination

OUT: tuple[tuple[str, Kind], ...] = (
    ("/email/unsubscribes", "unsubscribed"),
    ("/email/hard_bounces", "bounced"),
)
FIRST_DAY = "2011-01-01"  # Braze's own


class Braze(HttpDestination):
    """Users with an attribute a segment."""

    vendor = VENDOR
    missing = "the REST API key is missing (password)."
    batch_size = 75
    parallel = 4

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Write the users' attributes; former ids of merged people are not touched."""
        return self._track(batch, [_joining(person, batch) for person in batch.people])

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take the attributes off users that are there."""
        return self._track(batch, [_leaving(person, batch) for person in batch.people])

    def contacts(self) -> Iterator[Contact]:
        """Who unsubscribed or bounced; the others are not listed."""
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        for path, kind in OUT:
            offset = 0
            while True:
                params = {"start_date": FIRST_DAY, "end_date": tomorrow, "limit": 500}
                page = self._client.json("GET", path, params={**params, "offset": offset})
                for entry in page["emails"]:
                    yield Contact(entry["email"], None, entry["email"], (kind,))
                if len(page["emails"]) < 500:
                    break
                offset += 500

    def erase(self, person: Person) -> str:
        """Delete the user for good, under every id that the customer had."""
        ids = sorted({person.customer_id, *person.aliases} - {""})
        if ids:
            answer = self._client.json("POST", "/users/delete", json={"external_ids": ids[:50]})
            return "deleted" if answer.get("deleted") else "not there"
        return "not there"

    def _track(self, batch: Batch, attributes: list[dict[str, Any]]) -> Sequence[Result]:
        if not attributes:
            return []
        sent = {"attributes": attributes}
        body = body_of(
            self.ask_for_all("POST", "/users/track", json=sent, why=lambda body: "refused")
        )
        if body.get("message") != "success":
            raise RetryLater("braze: /users/track took nothing and said no success. Run again.")
        errors = {
            int(error["index"]): code(error.get("type"))
            for error in body.get("errors") or []
            if error.get("input_array") == "attributes" and "index" in error
        }
        if len(errors) < len(body.get("errors") or []):
            raise BatchRefused("an error that names no row")
        return [
            Result(person.customer_id, person.customer_id, errors.get(number))
            for number, person in enumerate(batch.people)
        ]


def _joining(person: Person, batch: Batch) -> dict[str, Any]:
    """Only what is known is sent; a trait that is None goes away."""
    first, _, last = (person.full_name or "").partition(" ")
    known = {"email": person.email, "phone": person.phone, "first_name": first, "last_name": last}
    row: dict[str, Any] = {"external_id": person.customer_id}
    row |= {name: value for name, value in known.items() if value}
    row |= {f"rapport_{name}": value for name, value in sorted(person.traits.items())}
    return row if person.is_listed else row | {f"rapport_{batch.audience.key}": True}


def _leaving(person: Person, batch: Batch) -> dict[str, Any]:
    names = [batch.audience.key, *sorted(person.traits)]
    cleared = dict.fromkeys(f"rapport_{name}" for name in names)
    return {"external_id": person.customer_id, "_update_existing_only": True, **cleared}
