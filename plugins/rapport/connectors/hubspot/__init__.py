"""HubSpot, a source and a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="hubspot",
    title="HubSpot",
    kind="crm",
    documentation="https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide",
    id_rank=0,
    connection_fields={
        "host": "https://api.hubapi.com, which is the default",
        "password": (
            "the access token of a private app that may read contacts, companies and "
            "deals; for the destination also write contacts, read and write lists, write "
            "contact schemas and read subscriptions"
        ),
    },
    example={
        "host": "https://api.hubapi.com",
        "password": "pat-...",
    },
    people={
        "contacts": {
            "properties.email": "email",
            "properties.hs_additional_emails": "email",
            "properties.app_user_id": "user_id",
            "properties.hs_merged_object_ids": "hubspot:contacts",
        },
        "companies": {},
        "deal_associations": {"associations.contacts.results[].id": "hubspot:contacts"},
        "deals": {"id": "hubspot:deal_associations"},
        "feedback_submissions": {
            "properties.hs_contact_id": "hubspot:contacts",
            "properties.hs_contact_email_rollup": "email",
        },
    },
)
