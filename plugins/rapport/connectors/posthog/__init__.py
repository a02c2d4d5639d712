"""PostHog, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="posthog",
    title="PostHog",
    kind="analytics",
    documentation="https://posthog.com/docs/api/queries",
    connection_fields={
        "host": "https://us.posthog.com, which is the default; https://eu.posthog.com in the EU",
        "login": "the id of the project",
        "password": "a personal API key with query:read",
    },
    example={
        "host": "https://us.posthog.com",
        "login": "12345",
        "password": "phx_...",
    },
    people={
        "events": {
            "distinct_id": "posthog:ids",
            "properties.$user_id": "user_id",
            "properties.$set.email": "email",
        },
        "persons": {"id": "posthog:persons", "properties.email": "email"},
    },
)
