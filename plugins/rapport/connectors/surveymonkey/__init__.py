"""SurveyMonkey, a source."""

from rapport.vendors.vendor import Vendor

VENDOR = Vendor(
    name="surveymonkey",
    title="SurveyMonkey",
    kind="survey",
    documentation="https://api.surveymonkey.com/v3/docs",
    connection_fields={
        "host": (
            "https://api.surveymonkey.com, which is the default; "
            "https://api.eu.surveymonkey.com in the EU"
        ),
        "password": "the access token of a private app that may view surveys and responses",
    },
    example={
        "host": "https://api.surveymonkey.com",
        "password": "...",
    },
    people={
        "surveys": {},
        "responses": {
            "id": "surveymonkey:respondents",
            "email_address": "email",
            "metadata.contact.email.value": "email",
            "custom_variables.user_id": "user_id",
        },
    },
)
