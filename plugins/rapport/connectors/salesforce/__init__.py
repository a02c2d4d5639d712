"""Salesforce, a source and a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="salesforce",
    title="Salesforce",
    kind="crm",
    documentation="https://developer.salesforce.com/docs/platform/api-rest/guide/intro-rest.html",
    connection_fields={
        "host": "https://<my domain>.my.salesforce.com",
        "login": "the consumer key of a connected app with the client credentials flow",
        "password": (
            "its consumer secret; the app's user may read the objects; for the destination "
            "also write contacts and campaigns"
        ),
    },
    example={
        "host": "https://YOURS.my.salesforce.com",
        "login": "CONSUMER-KEY",
        "password": "...",
    },
    people={
        "contacts": {"Email": "email", "MasterRecordId": "salesforce:contacts"},
        "leads": {
            "Email": "email",
            "ConvertedContactId": "salesforce:contacts",
            "MasterRecordId": "salesforce:leads",
        },
        "accounts": {},
        "opportunities": {"ContactId": "salesforce:contacts"},
        "cases": {"ContactId": "salesforce:contacts"},
        "campaign_members": {"ContactId": "salesforce:contacts", "LeadId": "salesforce:leads"},
    },
)
