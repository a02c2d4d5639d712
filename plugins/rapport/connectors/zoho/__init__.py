"""Zoho CRM, a source and a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="zoho",
    title="Zoho CRM",
    kind="crm",
    documentation="https://www.zoho.com/crm/developer/docs/api/v8/get-records.html",
    connection_fields={
        "host": "https://www.zohoapis.<your data centre> (optional: com)",
        "login": "client id of a self client or server-based application",
        "password": "its client secret",
        "extra.refresh_token": (
            "of a user who may read the modules, their fields and COQL "
            "(ZohoCRM.modules.READ, ZohoCRM.settings.fields.READ); for the destination "
            "also write contacts and tags"
        ),
    },
    example={
        "host": "https://www.zohoapis.eu",
        "login": "1000.CLIENT-ID",
        "password": "...",
        "extra": {"refresh_token": "1000...."},
    },
    people={
        "contacts": {"Email": "email", "Secondary_Email": "email"},
        "leads": {
            "Email": "email",
            "Secondary_Email": "email",
            "Converted_Contact.id": "zoho:contacts",
        },
        "accounts": {},
        "deals": {"Contact_Name.id": "zoho:contacts"},
        "cases": {"Related_To.id": "zoho:contacts", "Email": "email"},
    },
)
