"""Firebase Cloud Messaging, a destination."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="fcm",
    title="Firebase Cloud Messaging",
    kind="messaging",
    documentation="https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send",
    connection_fields={
        "login": "client_email of a service account that may send messages",
        "password": "its private_key",
        "extra.project_id": "the Firebase project",
        "host": "https://fcm.googleapis.com (optional); another one also answers /token",
    },
    example={
        "login": "...@YOURS.iam.gserviceaccount.com",
        "password": "<private_key, with its \\n>",
        "extra": {"project_id": "YOURS"},
    },
)
