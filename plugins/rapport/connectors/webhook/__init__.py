"""Signed messages to a web address of your own, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="webhook",
    title="Webhook",
    kind="notification",
    documentation="https://www.standardwebhooks.com",
    connection_fields={
        "host": "the https URL of the receiver",
        "password": "whsec_ and base64 of 24 to 64 random bytes; two, with a space, to change over",
        "extra.allow_private": "true for a receiver in your own network, also by http (optional)",
    },
    example={
        "host": "https://hooks.example.com/rapport",
        "password": "whsec_...",
    },
)
