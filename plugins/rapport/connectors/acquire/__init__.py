"""Acquire, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="acquire",
    title="Acquire",
    kind="support",
    documentation="https://developer.acquire.io/rest-apis/introduction/interrelated",
    connection_fields={
        "host": "https://<account>.acquire.io",
        "password": "an API key that may read contacts and cases",
    },
    example={
        "host": "https://YOURS.acquire.io",
        "password": "...",
    },
    people={
        "contacts": {"fields.email": "email"},
        "cases": {"contact.id": "acquire:contacts", "contactId": "acquire:contacts"},
    },
)
