"""SendGrid's mail: who enters a segment gets one mail, made of a template that SendGrid holds.

    destinations:
      sendgrid_mail:
        from: "Example <hello@example.com>"
        templates: {payment_failed: d-0123456789abcdef0123456789abcdef}
        group: 12345

`templates` names a dynamic template a segment (`"*"`: every segment); it knows the segment's
traits and `first_name`. `group` is the unsubscribe group: SendGrid puts its link into
List-Unsubscribe and sends nothing to who left it; only a segment for service goes without one.

In mode mirror, whoever left and enters again gets a mail again; in add-only there is one for good.
A changed trait sends nothing. There is no key by which the same mail twice would be one, and 202
means accepted: after a kill, at most the people of one batch, twenty, get a mail twice.
Suppressions are pulled as for contact lists.

API: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
Assumed: a call is accepted for all in it or for nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from email.utils import parseaddr
from typing import Any, ClassVar

from pydantic import Field, field_validator

from rapport.connectors.sendgrid import MAIL
from rapport.connectors.sendgrid.destination import ADDRESS, NO_KEY, said_no
from rapport.errors import ConfigError
from rapport.vendors.answers import address_key, code, first_of_each_address, results
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Mode,
    Person,
    Result,
)
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.message_texts import text_of, words_of


class Options(DestinationOptions):
    """Who sends, the template of each segment, and the group that people can leave."""

    sender: str = Field(default="", alias="from")
    templates: dict[str, str] = Field(default_factory=dict)
    group: int | None = None

    @field_validator("sender")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError('write who sends, as in "Example <hello@example.com>"')
        return value


class SendGridMail(HttpDestination):
    """Mails, one a person and entry."""

    vendor = MAIL
    options: Options
    options_model = Options
    address = ADDRESS
    missing = NO_KEY
    modes: ClassVar[tuple[Mode, ...]] = ("mirror", "add-only")
    sends_by = "email"
    batch_size = 20  # so few may get a mail again after a kill

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        shown, address = parseaddr(self.options.sender)
        self._sender = {"email": address, **({"name": shown} if shown else {})}

    def prepare(self, audience: Audience) -> None:
        """Refuse a segment that has no template, or that nobody could unsubscribe from."""
        if self._template(audience) is None:
            raise ConfigError(
                f"destinations.sendgrid_mail.templates: no template for the segment {audience.key}."
            )
        if audience.purpose != "service" and not self.options.group:
            raise ConfigError(
                f"destinations.sendgrid_mail.group: the segment {audience.key} is for "
                f"{audience.purpose}, so people must be able to unsubscribe."
            )

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Send each their mail, in one call; who was on the list before has got theirs."""
        new = [person for person in batch.people if not person.is_listed]
        people, errors = first_of_each_address(new)
        for email, person in list(people.items()):
            if "@" not in email:
                errors[person.customer_id] = "no address"
                del people[email]
        if people:
            self._send(batch, people)
        return results(batch, errors)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """A mail cannot be taken back: nothing is called."""
        return [Result(person.customer_id) for person in batch.people]

    def contacts(self) -> Iterator[Contact]:
        """Who unsubscribed, bounced or complained; with option `group` also from that group."""
        return said_no(self._client, self.options.group)

    def erase(self, person: Person) -> str:
        """Erase what SendGrid keeps of mails to the address."""
        if not person.email:
            return "not there"
        body = {"email_addresses": [address_key(person.email)]}
        self._client.request("POST", "/v3/recipients/erasejob", json=body)
        return "deletion asked for"

    def _template(self, audience: Audience) -> str | None:
        return text_of(self.options.templates, audience)

    def _send(self, batch: Batch, people: Mapping[str, Person]) -> None:
        """One mail each; raises `BatchRefused` where the call is refused for what is in it."""
        body: dict[str, Any] = {
            "from": self._sender,
            "template_id": self._template(batch.audience),
            "categories": [f"rapport_{batch.audience.key}"],
            "personalizations": [
                {
                    "to": [{"email": email}],
                    "dynamic_template_data": words_of(person),
                    "custom_args": {"customer_id": person.customer_id, "batch_id": batch.id},
                }
                for email, person in people.items()
            ],
        }
        if self.options.group:
            body["asm"] = {"group_id": self.options.group}
        self.ask_for_all(
            "POST",
            "/v3/mail/send",
            json=body,
            why=lambda told: code((told.get("errors") or [{}])[0].get("field")),
        )
