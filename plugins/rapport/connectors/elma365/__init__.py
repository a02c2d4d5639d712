"""ELMA365, a source and a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="elma365",
    title="ELMA365",
    kind="crm",
    documentation="https://api.elma365.com/en/public-api/reference/app/applist/",
    connection_fields={
        "host": "https://<company>.elma365.com, or .ru, .eu, or your own server",
        "password": (
            "the token of a user who may read the apps; for the destination also write to its app"
        ),
    },
    example={
        "host": "https://YOURS.elma365.com",
        "password": "...",
    },
    people={
        "contacts": {"rapport.emails[]": "email", "rapport.user_id": "user_id"},
        "requests": {
            "__id": "elma365:requests",
            "rapport.contacts[]": "elma365:contacts",
            "rapport.emails[]": "email",
        },
    },
)
