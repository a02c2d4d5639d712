"""Mailchimp, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="mailchimp",
    title="Mailchimp",
    kind="messaging",
    documentation="https://mailchimp.com/developer/marketing/api/",
    connection_fields={
        "password": "an API key, as ...-us21",
        "host": "https://us21.api.mailchimp.com (optional: read from the key)",
    },
    example={
        "password": "...-us21",
    },
)
