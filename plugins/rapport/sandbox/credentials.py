"""Logins of the made-up vendors. They open nothing but the sandbox.

>>> demo_connection("zendesk", "http://127.0.0.1:8090")["host"]
'http://127.0.0.1:8090/zendesk'
"""

from typing import Any

import httpx

from rapport.sandbox.keys import private_key

NOT_BY_HTTP = frozenset(["smtp"])
CREDENTIALS: dict[str, dict[str, Any]] = {
    "hubspot": {"login": "", "password": "demo-not-a-secret-hubspot", "extra": {}},
    "zendesk": {
        "login": "rapport@example.com/token",
        "password": "demo-not-a-secret-zendesk",
        "extra": {},
    },
    "typeform": {"login": "", "password": "demo-not-a-secret-typeform", "extra": {}},
    "amplitude": {
        "login": "demo-project-key",
        "password": "demo-not-a-secret-amplitude",
        "extra": {},
    },
    "intercom": {"login": "", "password": "demo-not-a-secret-intercom", "extra": {}},
    "webhook": {
        "login": "",
        # base64 of demo-not-a-secret-webhook-key-01
        "password": "whsec_ZGVtby1ub3QtYS1zZWNyZXQtd2ViaG9vay1rZXktMDE=",
        "extra": {"allow_private": True},
    },
    "klaviyo": {"login": "", "password": "demo-not-a-secret-klaviyo", "extra": {}},
    "braze": {"login": "", "password": "demo-not-a-secret-braze", "extra": {}},
    "sendgrid": {"login": "", "password": "demo-not-a-secret-sendgrid", "extra": {}},
    "twilio": {
        "login": "AC00000000000000000000000000000000",
        "password": "demo-not-a-secret-twilio",
        "extra": {},
    },
    "onesignal": {
        "login": "00000000-0000-4000-8000-000000000001",
        "password": "demo-not-a-secret-onesignal",
        "extra": {},
    },
    "slack": {"login": "", "password": "demo-not-a-secret-slack", "extra": {}},
    "customerio": {
        "login": "demo-site",
        "password": "demo-not-a-secret-customerio",
        "extra": {"app_key": "demo-not-a-secret-customerio-app"},
    },
    "mailchimp": {"login": "*", "password": "demo-not-a-secret-us1", "extra": {}},
    "elma365": {"login": "", "password": "demo-not-a-secret-elma365", "extra": {}},
    "acquire": {"login": "", "password": "demo-not-a-secret-acquire", "extra": {}},
    "nextiva": {
        "login": "demo@example.com",
        "password": "demo-not-a-secret-nextiva",
        "extra": {},
    },
    "fcm": {
        "login": "demo@example.iam.gserviceaccount.com",
        "password": private_key(),
        "extra": {"project_id": "demo-project"},
    },
    "stripe": {"login": "", "password": "demo-not-a-secret-stripe", "extra": {}},
    "surveymonkey": {"login": "", "password": "demo-not-a-secret-surveymonkey", "extra": {}},
    "shopify": {"login": "", "password": "demo-not-a-secret-shopify", "extra": {}},
    "sendgrid_mail": {"login": "", "password": "demo-not-a-secret-sendgrid-mail", "extra": {}},
    "smtp": {"login": "demo", "password": "demo-not-a-secret-smtp", "extra": {"tls": "none"}},
    "zoho": {
        "login": "1000.DEMO",
        "password": "demo-not-a-secret-zoho",
        "extra": {"refresh_token": "1000.demo-not-a-secret-refresh"},
    },
    "salesforce": {
        "login": "demo-app",
        "password": "demo-not-a-secret-salesforce",
        "extra": {},
    },
    "posthog": {"login": "4242", "password": "demo-not-a-secret-posthog", "extra": {}},
    "delighted": {"login": "", "password": "demo-not-a-secret-delighted", "extra": {}},
    "matomo": {"login": "1", "password": "demo-not-a-secret-matomo", "extra": {}},
    "qualtrics": {"login": "", "password": "demo-not-a-secret-qualtrics", "extra": {}},
}


def demo_connection(vendor: str, base_url: str) -> dict[str, Any]:
    """host, login, password and extra of one made-up vendor. Raises KeyError for an unknown one.

    One that does not speak HTTP is asked where it listens: host and port.
    """
    known = CREDENTIALS[vendor]
    if vendor not in NOT_BY_HTTP:
        return {"host": f"{base_url}/{vendor}", **known}
    login = (known["login"], known["password"])
    found = httpx.get(f"{base_url}/{vendor}/address", auth=login, trust_env=False)
    return {**found.raise_for_status().json(), **known}
