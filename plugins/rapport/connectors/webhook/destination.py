"""A signed message to your own URL, for systems without a connector.

Signed as https://www.standardwebhooks.com says: `webhook-id` (the same when a message is sent
again), `webhook-timestamp`, `webhook-signature` (HMAC-SHA256). The body:

    {"type": "segment.upserted" or "segment.removed", "timestamp": "2026-03-31T03:00:00+00:00",
     "data": {"segment", "purpose", "channel", "run_id", "people": [{"customer_id", "aliases",
     "email", "phone", "user_id", "full_name", "is_listed", "traits"}]}}

A 2xx takes all, but for the rows in an answer `{"errors": [{"customer_id", "code"}]}`. 400, 409,
413 and 422 refuse the batch for what is in it: it is halved until the row at fault stands alone.
408, 425, 429 and 5xx are tried again, `Retry-After` is kept to. 410 and any other answer stop the
list.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import field_validator
from standardwebhooks import Webhook as Signer

from rapport.connectors.webhook import VENDOR
from rapport.connectors.webhook.public_addresses import PinnedTransport
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.answers import body_of, code
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Batch,
    BatchRefused,
    DestinationOptions,
    Person,
    Result,
)
from rapport.vendors.http import Client
from rapport.vendors.http_destination import HttpDestination

REFUSED = (400, 409, 413, 422)
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32,}={0,2}")


class Options(DestinationOptions):
    """`rows` is `batch` for one message a batch, `each` for one a person."""

    rows: str = "batch"

    @field_validator("rows")
    @classmethod
    def _is_one_of_two(cls, value: str) -> str:
        if value not in ("batch", "each"):
            raise ValueError("write batch or each")
        return value


class Webhook(HttpDestination):
    """One message a batch, or with option `rows: each` one a person."""

    vendor = VENDOR
    options: Options
    options_model = Options
    needed = ("host",)
    missing = "the URL is missing (host)."
    messages_on = "change"  # what the receiver does with a change is not known here
    batch_size = 100
    parallel = 4

    def open(self, connection: Connection) -> Client:
        """At an address that is judged before each connection; what is sent is signed."""
        transport = PinnedTransport(
            connection.host, allow_private=bool(connection.extra.get("allow_private"))
        )
        return self.client_at(
            f"{transport.url.scheme}://{transport.url.netloc.decode()}",
            auth=_Signature(connection.password),
            headers={"User-Agent": "Rapport"},
            max_bytes=1024 * 1024,
            transport=transport,
        )

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Send the people who joined the list or changed."""
        return self._send("upserted", batch)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Send the people who left the list."""
        return self._send("removed", batch)

    def _send(self, op: str, batch: Batch) -> Sequence[Result]:
        if self.options.rows == "batch":
            return (
                self._message(op, batch, batch.people, f"{batch.id}.{op}") if batch.people else []
            )
        results: list[Result] = []
        for person in batch.people:
            id = f"{batch.id}.{op}.{person.customer_id}"
            try:
                results += self._message(op, batch, [person], id)
            except BatchRefused as error:
                results.append(Result(person.customer_id, error=str(error)))
        return results

    def _message(
        self, op: str, batch: Batch, people: Sequence[Person], id: str
    ) -> Sequence[Result]:
        data = {
            "segment": batch.audience.key,
            "purpose": batch.audience.purpose,
            "channel": batch.audience.channel,
            "run_id": batch.run_id,
            "people": [_row(person) for person in people],
        }
        message = {"type": f"segment.{op}", "timestamp": batch.as_of.isoformat(), "data": data}
        answer = self._client.request(
            "POST", "/", json=message, headers={"webhook-id": id}, ok=(*REFUSED, 410)
        )
        if answer.status == 410:
            raise GiveUp(
                "webhook: 410, the receiver wants no more messages. Take the destination out of "
                "rapport.yml, or correct the URL of the connection."
            )
        if answer.status in REFUSED:
            raise BatchRefused(f"{answer.status} {code(body_of(answer).get('code'))}")
        errors = body_of(answer).get("errors")
        told = {
            str(error.get("customer_id")): code(error.get("code"))
            for error in (errors if isinstance(errors, list) else [])
            if isinstance(error, dict)
        }
        return [Result(p.customer_id, error=told.get(p.customer_id)) for p in people]


class _Signature(httpx.Auth):
    """Signs each attempt with its own time, since receivers refuse an old one."""

    requires_request_body = True

    def __init__(self, secrets: str, now: Callable[[], float] = time.time) -> None:
        keys = secrets.split()
        if not keys or not all(map(_SECRET.fullmatch, keys)):
            raise ConfigError(
                'connection "webhook": the password must be whsec_ and base64 of 24 bytes or more. '
                'Make one: python3 -c "import base64, secrets; '
                "print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
            )
        self._signers = [Signer(key) for key in keys]
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Put time and signatures into the headers."""
        moment = datetime.fromtimestamp(int(self._now()), UTC)
        id, body = request.headers["webhook-id"], request.content.decode()
        signed = [signer.sign(id, moment, body) for signer in self._signers]
        request.headers["webhook-timestamp"] = str(int(moment.timestamp()))
        request.headers["webhook-signature"] = " ".join(signed)
        yield request


def _row(person: Person) -> dict[str, Any]:
    return {
        "customer_id": person.customer_id,
        "aliases": list(person.aliases),
        "email": person.email,
        "phone": person.phone,
        "user_id": person.user_id,
        "full_name": person.full_name,
        "is_listed": person.is_listed,
        "traits": dict(sorted(person.traits.items())),
    }
