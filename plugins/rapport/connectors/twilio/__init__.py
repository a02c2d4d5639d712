"""Twilio, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="twilio",
    title="Twilio",
    kind="messaging",
    documentation="https://www.twilio.com/docs/messaging/api/message-resource",
    connection_fields={
        "login": "account SID, AC...",
        "password": "auth token",
        "host": "https://api.twilio.com (optional)",
    },
    example={
        "login": "AC...",
        "password": "...",
    },
)
