"""Matomo, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="matomo",
    title="Matomo",
    kind="analytics",
    documentation="https://developer.matomo.org/api-reference/reporting-api",
    connection_fields={
        "host": "https://<your Matomo>, with its folder where it has one",
        "login": "the id of the site",
        "password": "a token_auth of a user who may view the site",
    },
    example={
        "host": "https://YOURS.matomo.cloud",
        "login": "1",
        "password": "...",
    },
    people={
        "visits": {"userId": "user_id", "visitorId": "matomo:visitors unless userId"},
    },
)
