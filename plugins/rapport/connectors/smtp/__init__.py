"""A mail server of your own, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="smtp",
    title="SMTP",
    kind="messaging",
    documentation="https://www.rfc-editor.org/rfc/rfc5321",
    connection_fields={
        "host": "the mail server",
        "port": "587 (optional)",
        "login": "user (optional)",
        "password": "its password (optional)",
        "extra.tls": "starttls (optional), ssl, or none inside of a network of your own",
    },
    example={
        "conn_type": "smtp",
        "host": "mail.example.com",
        "port": 587,
        "login": "...",
        "password": "...",
        "extra": {"tls": "starttls"},
    },
)
