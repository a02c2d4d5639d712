"""Stripe, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="stripe",
    title="Stripe",
    kind="commerce",
    documentation="https://docs.stripe.com/api",
    connection_fields={
        "host": "https://api.stripe.com, which is the default",
        "password": (
            "a restricted key that may read customers, subscriptions, invoices, charges and events"
        ),
    },
    example={
        "host": "https://api.stripe.com",
        "password": "rk_live_...",
    },
    people={
        "customers": {"email": "email", "metadata.user_id": "user_id"},
        "subscriptions": {"customer": "stripe:customers"},
        "invoices": {"customer": "stripe:customers", "customer_email": "email"},
        "charges": {
            "customer": "stripe:customers",
            "billing_details.email": "email",
            "receipt_email": "email",
        },
    },
)
