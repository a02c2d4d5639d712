"""Nextiva's contact centre, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="nextiva",
    title="Nextiva",
    kind="support",
    documentation="https://help.thrio.com/article/workflow-variables",
    is_keyed_by_contacts=True,
    connection_fields={
        "host": "https://login.thrio.com, which is the default",
        "login": "the user who may read workitems",
        "password": "that user's password",
    },
    example={
        "host": "https://login.thrio.com",
        "login": "you@example.com",
        "password": "...",
    },
    people={
        "workitems": {"from": "nextiva:addresses, email", "to": "nextiva:addresses, email"},
    },
)
