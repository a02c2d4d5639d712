"""Klaviyo, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="klaviyo",
    title="Klaviyo",
    kind="messaging",
    documentation="https://developers.klaviyo.com/en/reference/api_overview",
    connection_fields={
        "password": "private API key that may read and write profiles and lists",
        "host": "https://a.klaviyo.com (optional)",
    },
    example={
        "password": "pk_...",
    },
)
