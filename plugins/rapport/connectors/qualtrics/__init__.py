"""Qualtrics, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="qualtrics",
    title="Qualtrics",
    kind="survey",
    documentation="https://api.qualtrics.com/u9e5lh4172v0v-survey-response-export-guide",
    connection_fields={
        "host": "https://<data centre>.qualtrics.com, such as https://fra1.qualtrics.com",
        "password": "an API token of a user who may see the surveys and export their responses",
    },
    example={
        "host": "https://fra1.qualtrics.com",
        "password": "...",
    },
    people={
        "surveys": {},
        "responses": {
            "responseId": "qualtrics:respondents",
            "values.recipientEmail": "email",
            "values.email": "email",
            "values.externalDataReference": "user_id",
            "values.user_id": "user_id",
        },
    },
)
