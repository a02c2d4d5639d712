"""Zendesk, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="zendesk",
    title="Zendesk",
    kind="support",
    documentation="https://developer.zendesk.com/api-reference/",
    id_rank=2,
    connection_fields={
        "host": "https://<subdomain>.zendesk.com",
        "login": "<email of the admin>/token; empty for an OAuth token",
        "password": "the API token, or the OAuth token",
    },
    example={
        "host": "https://YOURS.zendesk.com",
        "login": "you@example.com/token",
        "password": "...",
    },
    people={
        "users": {"email": "email", "external_id": "user_id"},
        "tickets": {"requester_id": "zendesk:users"},
        "ticket_events": {"ticket_id": "zendesk:tickets"},
        "ticket_metric_events": {"ticket_id": "zendesk:tickets"},
        "ticket_metrics": {"ticket_id": "zendesk:tickets"},
        "schedules": {},
        "satisfaction_ratings": {"requester_id": "zendesk:users", "ticket_id": "zendesk:tickets"},
        "deleted_tickets": {"id": "zendesk:tickets"},
    },
)
