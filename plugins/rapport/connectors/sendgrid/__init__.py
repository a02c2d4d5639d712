"""SendGrid, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="sendgrid",
    title="SendGrid",
    kind="messaging",
    documentation="https://www.twilio.com/docs/sendgrid/api-reference",
    connection_fields={
        "password": "API key with full access to marketing and read access to suppressions",
        "host": "https://api.sendgrid.com (optional)",
    },
    example={
        "password": "SG....",
    },
)

# Single mails need a key of their own.
MAIL = Vendor(
    name="sendgrid_mail",
    title="SendGrid mail",
    kind="messaging",
    documentation="https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send",
    connection_fields={
        "password": "API key with mail.send and read access to suppressions",
        "host": "https://api.sendgrid.com (optional)",
    },
    example={
        "password": "SG....",
    },
)
