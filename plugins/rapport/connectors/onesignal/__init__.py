"""OneSignal, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="onesignal",
    title="OneSignal",
    kind="messaging",
    documentation="https://documentation.onesignal.com/reference/rest-api-overview",
    connection_fields={
        "login": "app ID",
        "password": "app API key",
        "host": "https://api.onesignal.com (optional)",
    },
    example={
        "login": "APP-ID",
        "password": "os_v2_app_...",
    },
)
