"""Twilio: a person who enters a segment gets a text message; Twilio stores only the message.

The text is option `messages: {<segment>: "Hello {first_name}, …"}` (`"*"` for every segment), with
the segment's traits in braces, else the trait `message`. Twilio has no idempotency key. So before
each message, that day's messages to the number are read, and one with the same text counts as this
one. A batch that is sent again after an interruption reaches nobody twice. STOP replies to the
option `from` are loaded as an unsubscribe from text messages.

API: https://www.twilio.com/docs/messaging/api/message-resource
Assumed: a message is in the list as soon as it was taken; keywords are Twilio's default ones
(https://help.twilio.com/articles/223134027).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from rapport.connectors.twilio import VENDOR
from rapport.errors import ConfigError
from rapport.vendors.answers import REFUSED, body_of, each
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Mode,
    Person,
    Result,
)
from rapport.vendors.http import Answer
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.message_texts import MISSING, text_of, written
from rapport.vendors.paging import PageTokens

STOP = frozenset(["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"])
START = frozenset(["START", "YES", "UNSTOP"])
LONGEST = 1600
LOST = frozenset(["failed", "undelivered", "canceled"])


class Options(DestinationOptions):
    """The sender, the text of each segment, and the numbers whose STOP is pulled."""

    sender: str = Field(default="", alias="from")
    messages: dict[str, str] = Field(default_factory=dict)
    numbers: list[str] = Field(default_factory=list)

    @field_validator("sender")
    @classmethod
    def _is_named(cls, value: str) -> str:
        if not value:
            raise ValueError("write the number that sends, or the SID of a messaging service (MG…)")
        return value


class Twilio(HttpDestination):
    """Text messages, one a person; who leaves a segment has got theirs."""

    vendor = VENDOR
    options: Options
    options_model = Options
    address = "https://api.twilio.com"
    needed = ("login", "password")
    missing = "account SID (login) or auth token is missing."
    modes: ClassVar[tuple[Mode, ...]] = ("upsert", "add-only")
    sends_by = "sms"
    messages_on = "change"
    batch_size = 50
    connections = 8

    def login(self, connection: Connection) -> dict[str, Any]:
        """Basic, by the account."""
        self._account = f"/2010-04-01/Accounts/{connection.login}"
        return {"auth": (connection.login, connection.password)}

    def prepare(self, audience: Audience) -> None:
        """Refuse a segment that has no text."""
        if (
            text_of(self.options.messages, audience) is None
            and "message" not in audience.attributes
        ):
            raise ConfigError(
                f"destinations.twilio.messages: no text for the segment {audience.key}, and it has "
                "no trait `message`."
            )

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Send each their message, unless they got it today."""
        day = f"{batch.as_of.date().isoformat()}T00:00:00Z"
        return each(lambda p: self._send(p, batch.audience, day), batch.people, self.connections)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """A message cannot be taken back: nothing is called."""
        return [Result(person.customer_id, person.remote_id) for person in batch.people]

    def contacts(self) -> Iterator[Contact]:
        """Who answered STOP last, to the number that sends or to option `numbers`."""
        numbers = self.options.numbers or [self.options.sender]
        for number in numbers:
            if number.startswith("MG"):
                continue
            heard: set[str] = set()
            for message in self._messages({"To": number}):  # the newest first
                word, sender = str(message["body"]).strip().upper(), message["from"]
                if message["direction"] != "inbound" or sender in heard:
                    continue
                if word in STOP | START:
                    heard.add(sender)
                if word in STOP:
                    says = ("unsubscribed",)
                    yield Contact(sender, None, None, says, phone=sender, channel="sms")  # type: ignore[arg-type]

    def erase(self, person: Person) -> str:
        """Delete every message to and from the number."""
        if not person.phone:
            return "not there"
        sids = [
            message["sid"]
            for side in ("To", "From")
            for message in self._messages({side: person.phone})
        ]
        for sid in sids:
            self._client.request("DELETE", f"{self._account}/Messages/{sid}.json", ok=(404,))
        return "deleted" if sids else "not there"

    def _send(self, person: Person, audience: Audience, day: str) -> Result:
        text, error = self._written(person, audience)
        if error is not None or not person.phone:
            return Result(person.customer_id, error=error or "no number")
        for message in self._messages({"To": person.phone, "DateSent>": day}):
            if message["body"] == text and message["status"] not in LOST:
                return Result(person.customer_id, message["sid"])
        kind = "MessagingServiceSid" if self.options.sender.startswith("MG") else "From"
        form = {"To": person.phone, kind: self.options.sender, "Body": text}
        answer = self._client.request(
            "POST", f"{self._account}/Messages.json", data=form, ok=REFUSED
        )
        if answer.status >= 400:
            return Result(person.customer_id, error=_reason(answer))
        return Result(person.customer_id, str(answer.json()["sid"]))

    def _written(self, person: Person, audience: Audience) -> tuple[str, str | None]:
        """The text for a person, or why there is none."""
        template = text_of(self.options.messages, audience)
        if template is None and person.traits.get("message") is None:
            return "", MISSING
        text, error = (
            (str(person.traits["message"]), None) if template is None else written(template, person)
        )
        return text, error or ("the text is too long" if len(text) > LONGEST else None)

    def _messages(self, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        tokens, path = PageTokens("twilio messages"), f"{self._account}/Messages.json"
        query: Mapping[str, Any] | None = {**params, "PageSize": 1000}
        while True:
            page = self._client.json("GET", path, params=query)
            yield from page["messages"]
            if not page.get("next_page_uri"):
                return
            path, query = tokens.check(page["next_page_uri"]), None


def _reason(answer: Answer) -> str:
    """The number of Twilio's error; its message may quote the phone number."""
    number = body_of(answer).get("code")
    meaning = {21610: " opted out", 21211: " not a phone number", 21614: " not a mobile number"}
    return f"{number}{meaning.get(number, '')}" if isinstance(number, int) else str(answer.status)
