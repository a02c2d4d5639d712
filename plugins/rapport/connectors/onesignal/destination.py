"""OneSignal: a segment is a tag of the user, traits are tags; a message to who enters, if wanted.

Segments in OneSignal are filters, so Rapport does not write any. A member gets the tag
`rapport_<segment>` and loses it on leaving; create a segment on that tag in OneSignal. A user is
identified by the external id that the app sets at login. This is our `user_id`, which only segments
of channel push have. A user without the app is created, so that the tags exist at the first login.

Option `messages: {<segment>: "Hello {first_name}"}` sends a push to each person who enters the
segment. It is sent before the tags, with an idempotency key of the segment, the person and the day.
The key is in the body (OneSignal ignores the header of that name), so that a repeated batch reaches
nobody twice. A 200 with an empty id, or with the user in `errors`, reached nobody. Such a person is
refused, gets no tag, and is tried again in the next run. OneSignal disables an app that sends far
more messages than it has subscribers within 15 minutes, so calls are paced.

Tags: https://documentation.onesignal.com/reference/update-user
Messages: https://documentation.onesignal.com/reference/idempotent-notification-requests
Assumed: a tag that is sent empty goes away, as in the older call; more tags than the plan holds
are refused with 409.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import Field

from rapport.connectors.onesignal import VENDOR
from rapport.vendors.answers import REFUSED, body_of, code, each
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Audience,
    Batch,
    DestinationOptions,
    Person,
    Result,
)
from rapport.vendors.http import Answer
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.message_texts import text_of, written

CALLS_A_SECOND = 100
NO_ID = "no user_id: a segment for OneSignal has the channel push"
NOT_REACHED = "nobody was reached: no subscription of this user takes a push"


class Options(DestinationOptions):
    """The message to who enters a segment, by segment."""

    messages: dict[str, str] = Field(default_factory=dict)


class OneSignal(HttpDestination):
    """Users of an app with a tag a segment, and a push to who enters."""

    vendor = VENDOR
    options: Options
    options_model = Options
    address = "https://api.onesignal.com"
    needed = ("login", "password")
    missing = "app ID (login) or API key is missing."
    sends_by = "push"
    batch_size = 100
    connections = 8

    def login(self, connection: Connection) -> dict[str, Any]:
        """The app's key; calls are paced."""
        self._app = connection.login
        headers = {"Authorization": f"Key {connection.password}"}
        return {"headers": headers, "pace": self.pace(CALLS_A_SECOND, 1.0)}

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Send who enters their message, if there is one, and write the tags."""
        day = batch.as_of.date().isoformat()
        return each(lambda p: self._put(p, batch.audience, day), batch.people, self.connections)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take the tags off; who is not a user there counts as removed."""
        return each(lambda p: self._take_off(p, batch.audience), batch.people, self.connections)

    def erase(self, person: Person) -> str:
        """Delete the user with every subscription."""
        id = person.remote_id or person.user_id
        if not id:
            return "not there"
        answer = self._client.request("DELETE", self._path(id), ok=(404,))
        return "not there" if answer.status == 404 else "deleted"

    def _put(self, person: Person, audience: Audience, day: str) -> Result:
        id = person.user_id
        if not id:
            return Result(person.customer_id, error=NO_ID)
        template = text_of(self.options.messages, audience)
        if template is not None and not person.is_listed:
            error = self._send(person, id, audience, template, day)
            if error is not None:
                return Result(person.customer_id, error=error)
        if person.remote_id and person.remote_id != id:
            self._tag(person.remote_id, _cleared(person, audience))
        tags = {f"rapport_{audience.key}": "true"}
        tags |= {f"rapport_{name}": _text(value) for name, value in sorted(person.traits.items())}
        return Result(person.customer_id, id, self._tag(id, tags, is_made=True))

    def _take_off(self, person: Person, audience: Audience) -> Result:
        for id in {person.remote_id or person.user_id} - {None, ""}:
            error = self._tag(str(id), _cleared(person, audience))
            if error is not None:
                return Result(person.customer_id, error=error)
        return Result(person.customer_id, person.remote_id)

    def _tag(self, id: str, tags: Mapping[str, str], is_made: bool = False) -> str | None:
        """Why the tags were refused; a user that is not there is made where that is wanted."""
        properties = {"properties": {"tags": tags}}
        answer = self._client.request("PATCH", self._path(id), json=properties, ok=REFUSED)
        if answer.status == 404 and is_made:
            body = {"identity": {"external_id": id}, **properties}
            path = f"/apps/{self._app}/users"
            answer = self._client.request("POST", path, json=body, ok=REFUSED)
        elif answer.status == 404:
            return None
        return _reason(answer) if answer.status >= 400 else None

    def _send(
        self, person: Person, id: str, audience: Audience, template: str, day: str
    ) -> str | None:
        """Why the message reached nobody."""
        text, error = written(template, person)
        if error is not None:
            return error
        key = f"{self._app}/{audience.key}/{person.customer_id}/{day}"
        body = {
            "app_id": self._app,
            "target_channel": "push",
            "include_aliases": {"external_id": [id]},
            "contents": {"en": text},
            "idempotency_key": str(uuid.uuid5(uuid.NAMESPACE_URL, key)),
        }
        answer = self._client.request("POST", "/notifications", json=body, ok=REFUSED)
        if answer.status >= 400:
            return _reason(answer)
        told = body_of(answer)
        is_named = isinstance(told.get("errors"), dict) and any(told["errors"].values())
        return None if told.get("id") and not is_named else NOT_REACHED

    def _path(self, id: str) -> str:
        return f"/apps/{self._app}/users/by/external_id/{quote(id, safe='')}"


def _cleared(person: Person, audience: Audience) -> dict[str, str]:
    return dict.fromkeys([f"rapport_{name}" for name in (audience.key, *person.traits)], "")


def _text(value: Any) -> str:
    """Tags are text; one that is empty goes away."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _reason(answer: Answer) -> str:
    """The code of the first error; a sentence may quote the user."""
    errors = body_of(answer).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    told = code(first.get("code")) if isinstance(first, dict) else "refused"
    return f"{answer.status} {told}"
