"""Firebase Cloud Messaging: who enters a segment gets a push; nothing is kept there.

    destinations:
      fcm:
        token: push_token            # the trait that holds a person's tokens
        messages: {payment_failed: {title: "Your card", body: "Hello {first_name}, …"}}

A message goes to a token of the app on a device, and we know none by ourselves: `token` names a
trait of the segment that holds it, several divided by spaces. Or `topic: "user_{user_id}"` names a
topic to which your app subscribes each device at login; then no token is needed, and nobody is told
whether there is a device. Without `messages` the trait `message` is the text.

One call is one message. There is no key by which the same message twice would be one: a message has
an id of the segment, the person and the day, by which a device shows it once, in place of the one
before. 404 UNREGISTERED means that the app is gone from the device: that token is passed over, and
a person who has no other is refused; take it out of the trait. Over the quota (429) nobody is
written to until the next minute, since every refusal counts.

Messages: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
Errors: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
Login: https://developers.google.com/identity/protocols/oauth2/service-account
Assumed: a quota without a Retry-After is there again after a minute.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import Field, model_validator

from rapport.connectors.fcm import VENDOR
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.answers import body_of, code, each, md5
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.destination import (
    Audience,
    Batch,
    DestinationOptions,
    Mode,
    Person,
    Result,
)
from rapport.vendors.http import Answer
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.message_texts import text_of, written
from rapport.vendors.oauth import Login

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
ROWS = (400, 403, 404)
ONE_PERSONS = frozenset(["INVALID_ARGUMENT", "SENDER_ID_MISMATCH", "UNREGISTERED"])
MINUTE = 60.0


class Options(DestinationOptions):
    """Where a person's devices are, and what is said to them, by segment."""

    token: str | None = None
    topic: str | None = None
    messages: dict[str, str | dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.token) == bool(self.topic):
            raise ValueError(
                "write either `token`, the trait that holds a person's token, or `topic`, as in "
                '"user_{user_id}"'
            )
        return self


class Fcm(HttpDestination):
    """Pushes, one a device; who leaves a segment has got theirs."""

    vendor = VENDOR
    options: Options
    options_model = Options
    address = "https://fcm.googleapis.com"
    needed = ("login", "password", "extra.project_id")
    missing = (
        "client_email (login), private_key (password) or extra.project_id of the service account "
        "is missing."
    )
    modes: ClassVar[tuple[Mode, ...]] = ("upsert", "add-only")
    sends_by = "push"
    messages_on = "change"
    batch_size = 20  # so few may get a message again after a kill
    connections = 8

    def login(self, connection: Connection) -> dict[str, Any]:
        """A service account's token, which another host gives; and a minute's wait at the quota."""
        self._path = f"/v1/projects/{connection.extra['project_id']}/messages:send"
        own_host = base_url(connection, self.address)
        host = own_host if connection.host else "https://oauth2.googleapis.com"
        login = Login(
            f"{host}/token", name=self.name, grant=GRANT, assertion=signer(connection, host)
        )
        return {"auth": login, "pace": self.pace(5000, 1.0), "busy_wait": MINUTE}

    def prepare(self, audience: Audience) -> None:
        """Refuse a segment that has no text or no token."""
        if (
            text_of(self.options.messages, audience) is None
            and "message" not in audience.attributes
        ):
            raise ConfigError(
                f"destinations.fcm.messages: no text for the segment {audience.key}, and it has no "
                "trait `message`."
            )
        token = self.options.token
        if token and token not in audience.attributes:
            raise ConfigError(
                f"destinations.fcm.token: the segment {audience.key} has no trait {token}."
            )

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Send each their message."""
        day = batch.as_of.date().isoformat()
        return each(lambda p: self._send(p, batch.audience, day), batch.people, self.connections)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """A message cannot be taken back: nothing is called."""
        return [Result(person.customer_id, person.remote_id) for person in batch.people]

    def erase(self, person: Person) -> str:
        """Nothing of a person is kept there."""
        return "not there"

    def _send(self, person: Person, audience: Audience, day: str) -> Result:
        notification, error = self._written(person, audience)
        places, missing = self._places(person)
        if error is not None or not places:
            return Result(person.customer_id, error=error or missing)
        id = md5(f"{audience.key}/{person.customer_id}/{day}")
        shown = {
            "notification": notification,
            "data": {"segment": audience.key},
            "android": {"collapse_key": id, "notification": {"tag": id}},
            "apns": {"headers": {"apns-collapse-id": id}},
            "webpush": {"headers": {"Topic": id}},
        }
        is_sent, reason = False, None
        for place in places:
            message = {"message": {**place, **shown}}
            answer = self._client.request("POST", self._path, json=message, ok=ROWS)
            if answer.status < 400:
                is_sent = True
            else:
                reason = _error(answer)
        return Result(person.customer_id, error=None if is_sent else reason)

    def _places(self, person: Person) -> tuple[list[dict[str, str]], str]:
        """The devices of a person, or their topic; what is missing where there is none."""
        if trait := self.options.token:
            tokens = str(person.traits.get(trait) or "").split()
            return [{"token": token} for token in dict.fromkeys(tokens)], "no token"
        if not person.user_id:
            return [], "no user_id"
        topic = str(self.options.topic).replace("{user_id}", person.user_id)
        return [{"topic": topic}], ""

    def _written(self, person: Person, audience: Audience) -> tuple[dict[str, str], str | None]:
        """Title and body for a person, or why there are none."""
        template = text_of(self.options.messages, audience)
        parts = template if isinstance(template, dict) else {"body": template or "{message}"}
        found: dict[str, str] = {}
        for name in ("title", "body"):
            if name in parts:
                found[name], error = written(str(parts[name]), person)
                if error is not None:
                    return {}, error
        return found, None


def signer(account: Connection, host: str) -> Callable[[], str]:
    """Makes what Google gives a token for: who we are and what for, signed by the account's key.

    Raises `ConfigError` where the password is no key.
    """
    try:
        key = RSAKey.import_key(account.password.replace("\\n", "\n"))
    except (JoseError, ValueError):
        raise ConfigError(
            'connection "fcm": the password is no private key. Copy private_key out of the key '
            "file of the service account, with BEGIN and END."
        ) from None

    def sign() -> str:
        now = int(time.time())
        claims = {"iss": account.login, "scope": SCOPE, "aud": f"{host}/token"}
        return jwt.encode({"alg": "RS256"}, {**claims, "iat": now, "exp": now + 3600}, key)

    return sign


def _error(answer: Answer) -> str:
    """FCM's code of what is wrong with one message; anything else is wrong with the login."""
    error = body_of(answer).get("error") or {}
    codes = [one["errorCode"] for one in error.get("details") or () if "errorCode" in one]
    found = code(codes[0] if codes else error.get("status"))
    if found not in ONE_PERSONS:
        raise GiveUp(
            f"fcm: {answer.status} {found} on messages:send. Check what the service account of "
            'connection "fcm" may do, and its project.'
        )
    return f"{found}: the app is gone from this device" if found == "UNREGISTERED" else found
