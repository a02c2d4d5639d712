"""Intercom, a source and a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="intercom",
    title="Intercom",
    kind="support",
    documentation="https://developers.intercom.com/docs/references/rest-api/api.intercom.io",
    connection_fields={
        "host": (
            "https://api.intercom.io, which is the default; https://api.eu.intercom.io or "
            "https://api.au.intercom.io for other regions"
        ),
        "password": (
            "an access token that may read contacts and conversations; for the destination "
            "also write contacts, and read and write tags"
        ),
    },
    example={
        "host": "https://api.intercom.io",
        "password": "...",
    },
    people={
        "contacts": {"email": "email", "external_id": "user_id, customer"},
        "conversations": {
            "contacts.contacts[].id": "intercom:contacts",
            "source.author.email": "email",
        },
    },
)
