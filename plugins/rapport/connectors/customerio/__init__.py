"""Customer.io, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="customerio",
    title="Customer.io",
    kind="messaging",
    documentation="https://docs.customer.io/integrations/api/track/",
    connection_fields={
        "login": "site ID",
        "password": "track API key",
        "extra.app_key": "app API key, to pull who said no",
        "host": "https://track.customer.io, or track-eu. for the EU (optional)",
    },
    example={
        "login": "SITE-ID",
        "password": "...",
        "extra": {"app_key": "..."},
    },
)
