"""Slack: a channel gets the size of a segment and its changes, never the people.

Each run posts one message per segment, and none if nobody joined or left. Slack reports errors with
status 200 (`ok: false`). If a push is interrupted and started again, the message counts only the
changes that were still to do.

API: https://docs.slack.dev/reference/methods/chat.postMessage
"""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import field_validator

from rapport.connectors.slack import VENDOR
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.answers import code
from rapport.vendors.destination import (
    Audience,
    Batch,
    DestinationOptions,
    Result,
    RunContext,
)
from rapport.vendors.http_destination import HttpDestination

BUSY = frozenset(["ratelimited", "rate_limited", "service_unavailable", "internal_error"])
CHANNEL = frozenset(["channel_not_found", "not_in_channel", "is_archived", "restricted_action"])


class Options(DestinationOptions):
    """The channel for the messages."""

    channel: str = ""

    @field_validator("channel")
    @classmethod
    def _is_named(cls, value: str) -> str:
        if not value:
            raise ValueError('write the channel, as "#marketing"')
        return value


class Slack(HttpDestination):
    """Numbers for a channel. Option `channel` names it, as in `"#marketing"`."""

    vendor = VENDOR
    options: Options
    options_model = Options
    address = "https://slack.com"
    missing = "the bot token is missing (password)."
    messages_on = "nothing"
    batch_size = 5000

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._changes: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Count the people who joined."""
        return self._counted(batch, "came", sum(not person.is_listed for person in batch.people))

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Count the people who left."""
        return self._counted(batch, "went", len(batch.people))

    def finish(self, audience: Audience, run: RunContext) -> None:
        """Post the numbers if somebody joined or left."""
        changes = self._changes.pop(audience.key, Counter())
        if not changes.total():
            return
        people = sum(1 for _ in run.everybody())
        text = (
            f"*{_plain(audience.name)}* ({audience.key}) on {run.as_of.date().isoformat()}: "
            f"{people} on the list, {changes['came']} came, {changes['went']} went."
        )
        body = {"channel": self.options.channel, "text": text, "unfurl_links": False}
        answer = self._client.json("POST", "/api/chat.postMessage", json=body)
        if answer.get("ok"):
            return
        error = code(answer.get("error"), "unknown")
        if error in BUSY:
            raise RetryLater(f"slack: {error} on chat.postMessage. Run again later.")
        if error in CHANNEL:
            raise ConfigError(
                f"slack: {error}. Correct destinations.slack.channel in rapport.yml, and invite "
                "the bot into the channel."
            )
        raise GiveUp(f'slack: {error} on chat.postMessage. Check the connection "slack".')

    def _counted(self, batch: Batch, kind: str, number: int) -> Sequence[Result]:
        with self._lock:
            self._changes.setdefault(batch.audience.key, Counter())[kind] += number
        return [Result(person.customer_id) for person in batch.people]


def _plain(text: str) -> str:
    """Text that mentions nobody and links nowhere.

    >>> _plain("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
