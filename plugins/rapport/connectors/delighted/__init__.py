"""Delighted, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="delighted",
    title="Delighted",
    kind="survey",
    documentation="https://app.delighted.com/docs/api",
    connection_fields={
        "host": "https://api.delighted.com, which is the default",
        "password": "the project's API key",
    },
    example={
        "host": "https://api.delighted.com",
        "password": "...",
    },
    people={
        "survey_responses": {
            "person": "delighted:people",
            "person.id": "delighted:people",
            "person.email": "email",
            "person_properties.user_id": "user_id",
        },
        "people": {"id": "delighted:people", "email": "email"},
        "unsubscribes": {"person_id": "delighted:people", "email": "email"},
        "bounces": {"person_id": "delighted:people", "email": "email"},
    },
)
