"""Shopify, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="shopify",
    title="Shopify",
    kind="commerce",
    documentation="https://shopify.dev/docs/api/admin-graphql",
    connection_fields={
        "host": "https://<shop>.myshopify.com",
        "password": (
            "an Admin API token with read_customers, read_orders and, for orders older "
            "than 60 days, read_all_orders"
        ),
    },
    example={
        "host": "https://YOURS.myshopify.com",
        "password": "shpat_...",
    },
    people={
        "customers": {"defaultEmailAddress.emailAddress": "email"},
        "orders": {"customer.id": "shopify:customers"},
    },
    key_prefixes={"customers": "gid://shopify/Customer/"},
)
