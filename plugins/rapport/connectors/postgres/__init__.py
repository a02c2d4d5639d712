"""Another Postgres database, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="postgres",
    title="Postgres",
    kind="records",
    documentation="https://www.postgresql.org/docs/current/ddl-priv.html",
    is_keyed_by_contacts=True,
    connection_fields={
        "host": "the server; its port where that is not 5432",
        "login": "a role that may only read",
        "password": "the password of the role",
        "schema": "the name of the database",
    },
    example={
        "conn_type": "postgres",
        "host": "db.example.com",
        "port": 5432,
        "schema": "shop",
        "login": "reader",
        "password": "...",
    },
)
