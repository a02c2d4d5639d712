"""Amplitude, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="amplitude",
    title="Amplitude",
    kind="analytics",
    documentation="https://amplitude.com/docs/apis/analytics/export",
    id_rank=3,
    connection_fields={
        "host": (
            "https://amplitude.com, which is the default; "
            "https://analytics.eu.amplitude.com in the EU data centre"
        ),
        "login": "the project's API key",
        "password": "the project's secret key",
    },
    example={
        "host": "https://amplitude.com",
        "login": "API-KEY",
        "password": "SECRET-KEY",
    },
    people={
        "events": {"user_id": "user_id", "device_id": "amplitude:devices unless user_id"},
    },
)
