"""SMTP: who enters a segment gets one mail, by a mail server of your own; nothing is kept there.

    destinations:
      smtp:
        from: "Example <hello@example.com>"
        unsubscribe: "https://example.com/unsubscribe?c={customer_id}"
        messages:
          payment_failed: {subject: "Your card", body: "Hello {first_name}, … {unsubscribe}"}

A message has `subject` and `body`, and may have `html`; `"*"` stands for every segment. Braces hold
the segment's traits, `first_name` and `unsubscribe`; in `html`, what a person is called is escaped.
`unsubscribe` is an https address that takes the POST of RFC 8058, or `mailto:`: it stands in
List-Unsubscribe, and only a segment for service goes without one. What is said there has to come
back as a consent event, for instance by a file; bounces go to `return_path`, else to `from`.

In mode mirror, whoever left and enters again gets a mail again; in add-only there is one for good.
A changed trait sends nothing. SMTP has no key by which the same mail twice would be one: what is
about to be sent is written to the ledger, one person at a time, so that a kill makes at most one
person's mail uncertain. It is sent again under the same Message-ID, which many servers take as one.

Replies: https://www.rfc-editor.org/rfc/rfc5321#section-4.2
List-Unsubscribe: https://www.rfc-editor.org/rfc/rfc8058
"""

import html
import re
import smtplib
import ssl
from collections.abc import Sequence
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, field_validator

from rapport.connectors.smtp import VENDOR
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.answers import md5
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Audience,
    Batch,
    Destination,
    DestinationOptions,
    Mode,
    Person,
    Result,
)
from rapport.vendors.message_texts import text_of, words_of, written_with
from rapport.vendors.pace import Pace

PATIENCE = (1.0, 5.0, 30.0)
TLS = ("starttls", "ssl", "none")
NO_LOGIN = frozenset([530, 534, 535, 538])
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class Options(DestinationOptions):
    """Addresses, the address to unsubscribe at, the pace, and the message of each segment."""

    sender: str = Field(default="", alias="from")
    reply_to: str = ""
    return_path: str = ""
    unsubscribe: str = ""
    per_minute: float = Field(default=600, gt=0)
    messages: dict[str, str | dict[str, str]] = Field(default_factory=dict)

    @field_validator("sender", "reply_to", "return_path")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value:
            address_of(value)
        return value

    @field_validator("sender")
    @classmethod
    def _is_named(cls, value: str) -> str:
        if not value:
            raise ValueError('write who sends, as in "Example <hello@example.com>"')
        return value

    @field_validator("unsubscribe")
    @classmethod
    def _is_https_or_mail(cls, value: str) -> str:
        if value and not value.startswith(("https://", "mailto:")):
            raise ValueError("an https:// or mailto: address")
        return value


class Smtp(Destination):
    """Mails, one a person and entry."""

    vendor = VENDOR
    options: Options
    options_model = Options
    modes: ClassVar[tuple[Mode, ...]] = ("mirror", "add-only")
    sends_by = "email"
    batch_size = 1

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        given = self.connection
        if given is None or not given.host:
            raise ConfigError('connection "smtp" has no host. Set it, as in .env.example.')
        self._server, self._tls = given, str(given.extra.get("tls", "starttls"))
        if self._tls not in TLS:
            raise ConfigError(f'connection "smtp": extra.tls is one of {", ".join(TLS)}.')
        said = self.options
        self._sender = address_of(said.sender)
        self._reply_to = address_of(said.reply_to) if said.reply_to else None
        self._return_path = address_of(said.return_path) if said.return_path else self._sender
        self._pace = Pace(said.per_minute, 60.0, sleep=self.sleep)
        self._session: smtplib.SMTP | None = None

    def prepare(self, audience: Audience) -> None:
        """Refuse a segment that has no message, or that nobody could unsubscribe from."""
        message = text_of(self.options.messages, audience)
        if not isinstance(message, dict) or not {"subject", "body"} <= message.keys():
            raise ConfigError(
                f"destinations.smtp.messages.{audience.key}: write subject and body, as in "
                '{subject: "Your card", body: "Hello {first_name}, …"}.'
            )
        if audience.purpose != "service" and not self.options.unsubscribe:
            raise ConfigError(
                f"destinations.smtp.unsubscribe: the segment {audience.key} is for "
                f"{audience.purpose}, so people must be able to unsubscribe."
            )

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Send each their mail; who was on the list before has got theirs."""
        return [
            Result(p.customer_id) if p.is_listed else self._send(p, batch) for p in batch.people
        ]

    def remove(self, batch: Batch) -> Sequence[Result]:
        """A mail cannot be taken back: nothing is sent."""
        return [Result(person.customer_id) for person in batch.people]

    def erase(self, person: Person) -> str:
        """Nothing of a person is kept there."""
        return "not there"

    def close(self) -> None:
        """Say goodbye to the server."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _send(self, person: Person, batch: Batch) -> Result:
        mail, error = self._mail(person, batch)
        if mail is None:
            return Result(person.customer_id, error=error)
        for wait in (*PATIENCE, None):
            self._pace.wait()
            try:
                self._open().send_message(mail, self._return_path.addr_spec, [person.email or ""])
            except smtplib.SMTPRecipientsRefused as refused:
                [(number, text)] = refused.recipients.values()
                if number == 421:
                    self._later(f"{number} on RCPT", wait)
                    continue
                return Result(person.customer_id, error=_reason(number, text))
            except smtplib.SMTPSenderRefused as refused:
                if refused.smtp_code >= 500:
                    raise GiveUp(
                        f"smtp: {refused.smtp_code} on MAIL. The server does not take mail from "
                        "destinations.smtp.return_path or from."
                    ) from None
                self._later(f"{refused.smtp_code} on MAIL", wait)
            except smtplib.SMTPDataError as refused:
                if refused.smtp_code >= 500:
                    reason = _reason(refused.smtp_code, refused.smtp_error)
                    return Result(person.customer_id, error=reason)
                self._later(f"{refused.smtp_code} on DATA", wait)
            except smtplib.SMTPNotSupportedError:
                return Result(person.customer_id, error="the server takes ASCII addresses only")
            except (smtplib.SMTPServerDisconnected, OSError) as broken:
                self._later(type(broken).__name__, wait)
            else:
                return Result(person.customer_id)
        raise AssertionError("the last wait raises")

    def _later(self, what: str, wait: float | None) -> None:
        """Wait before the next try; raises `RetryLater` where there is none."""
        self.close()
        if wait is None:
            raise RetryLater(f"smtp: {what}, {len(PATIENCE) + 1} attempts. Run again later.")
        self.sleep(wait)

    def _mail(self, person: Person, batch: Batch) -> tuple[EmailMessage | None, str | None]:
        """The mail for a person, or why there is none."""
        to = parseaddr(person.email or "")[1]
        if "@" not in to:
            return None, "no address"
        leave = self.options.unsubscribe.replace(
            "{customer_id}", quote(person.customer_id, safe="")
        )
        words = {**words_of(person), "unsubscribe": leave}
        escaped = {name: html.escape(str(word)) for name, word in words.items()}
        texts: dict[str, str] = {}
        message = text_of(self.options.messages, batch.audience)
        for name, template in (message if isinstance(message, dict) else {}).items():
            text, error = written_with(template, escaped if name == "html" else words)
            if error is not None:
                return None, error
            texts[name] = text
        sender = self._sender
        mail = EmailMessage()
        mail["From"], mail["To"] = sender, to
        mail["Subject"] = " ".join(texts["subject"].split())
        mail["Date"] = format_datetime(batch.as_of)
        mail["Message-ID"] = f"<{md5(f'{batch.id}/{person.customer_id}')}@{sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        if self._reply_to is not None:
            mail["Reply-To"] = self._reply_to
        if leave:
            mail["List-Unsubscribe"] = f"<{leave}>"
            if leave.startswith("https://"):
                mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(texts["body"])
        if "html" in texts:
            mail.add_alternative(texts["html"], subtype="html")
        return mail, None

    def _open(self) -> smtplib.SMTP:
        """The session, logged in; raises `GiveUp` where the login is refused."""
        if self._session is None:
            session = _connected(self._server, self._tls, self._return_path.domain)
            try:
                if self._server.login:
                    session.login(self._server.login, self._server.password)
            except smtplib.SMTPAuthenticationError as refused:
                session.close()
                if refused.smtp_code in NO_LOGIN:
                    raise GiveUp(
                        f"smtp: {refused.smtp_code} on AUTH. Check login and password of the "
                        'connection "smtp".'
                    ) from None
                raise smtplib.SMTPServerDisconnected("busy") from None
            except smtplib.SMTPNotSupportedError:
                session.close()
                raise GiveUp(
                    'smtp: the server takes no login. Leave it out of the connection "smtp".'
                ) from None
            self._session = session
        return self._session


def _connected(server: Connection, tls: str, name: str) -> smtplib.SMTP:
    """A line to the server, encrypted unless `tls` is none; raises `GiveUp` where it cannot be.

    `name` is who we say we are: this machine's own name may be unknown outside, or slow to find.
    """
    context = ssl.create_default_context()
    port = server.port or (465 if tls == "ssl" else 587)
    if tls == "ssl":
        return smtplib.SMTP_SSL(server.host, port, name, timeout=60, context=context)
    session = smtplib.SMTP(server.host, port, name, timeout=60)
    if tls == "starttls":
        try:
            session.starttls(context=context)
        except (smtplib.SMTPException, ssl.SSLError) as error:
            session.close()
            raise GiveUp(
                f"smtp: no encrypted line to the server ({type(error).__name__}). Correct host and "
                'port of the connection "smtp", or say extra.tls.'
            ) from None
    return session


def address_of(text: str) -> Address:
    """Name and address; raises ValueError where it is none.

    >>> address_of("Example <hello@example.com>").domain
    'example.com'
    """
    shown, address = parseaddr(text)
    try:
        found = Address(shown, addr_spec=address)
    except (ValueError, IndexError, MessageError):
        found = Address()
    if not found.domain:
        raise ValueError("this is no address")
    return found


def _reason(number: int, text: bytes | str) -> str:
    """The codes of a refusal; its words may quote the address.

    >>> _reason(550, b"5.1.1 <anna@example.com>: no such user")
    '550 5.1.1'
    """
    found = _ENHANCED.match(text.decode(errors="replace") if isinstance(text, bytes) else text)
    return f"{number} {found[0]}" if found else str(number)
