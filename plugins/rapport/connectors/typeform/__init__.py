"""Typeform, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="typeform",
    title="Typeform",
    kind="survey",
    documentation="https://www.typeform.com/developers/responses/",
    id_rank=4,
    connection_fields={
        "host": (
            "https://api.typeform.com, which is the default; https://api.eu.typeform.com "
            "in the EU data centre"
        ),
        "password": "a personal access token with the scopes forms:read and responses:read",
    },
    example={
        "host": "https://api.typeform.com",
        "password": "tfp_...",
    },
    people={
        "forms": {},
        "responses": {
            "token": "typeform:respondents",
            "hidden.email": "email",
            "hidden.user_id": "user_id",
            "hidden.ticket_id": "zendesk:tickets",
            "answers[].email": "email",
        },
    },
)
