"""Braze, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="braze",
    title="Braze",
    kind="messaging",
    documentation="https://www.braze.com/docs/api/basics",
    connection_fields={
        "host": "the REST endpoint, as https://rest.fra-01.braze.eu",
        "password": (
            "REST API key with users.track, users.delete, email.unsubscribe, email.hard_bounces"
        ),
    },
    example={
        "host": "https://rest.fra-01.braze.eu",
        "password": "...",
    },
)
