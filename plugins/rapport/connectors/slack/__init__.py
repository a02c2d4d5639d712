"""Slack, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="slack",
    title="Slack",
    kind="notification",
    documentation="https://docs.slack.dev/reference/methods/chat.postMessage",
    connection_fields={
        "password": "bot token (xoxb-...) with chat:write, of a bot that is in the channel",
        "host": "https://slack.com (optional)",
    },
    example={
        "password": "xoxb-...",
    },
)
