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
        "extra.client_id": "the identifier of an OAuth client; empty for a token",
        "extra.client_secret": "its secret; empty for a public client",
        "extra.refresh_token": "the first refresh token; empty for client credentials",
        "login": "<email of the admin>/token for an API token, until 2027-04-30; else empty",
        "password": "the API token, or an OAuth token that does not expire; else empty",
    },
    example={
        "host": "https://YOURS.zendesk.com",
        "extra": {"client_id": "...", "client_secret": "..."},
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
