"""The logins of Zendesk: client credentials, rotating refresh tokens, and ending API tokens.

Nobody can create an API token since 2026-10-27; an unused one stops after 30 days, and all stop on
2027-04-30. https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/

A refresh answers with a new pair and ends the former access and refresh tokens at once.
https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/

>>> API_TOKENS_END.isoformat()
'2027-04-30'
"""

import logging
from datetime import date
from typing import Any

from rapport.errors import ConfigError
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Client
from rapport.vendors.oauth import Login
from rapport.vendors.rotating_login import RotatingLogin

log = logging.getLogger(__name__)

API_TOKENS_END = date(2027, 4, 30)
SCOPE = "read"


def open_client(connection: Connection) -> Client:
    """A client that is logged in by what the connection holds; raises `ConfigError`."""
    host, name = base_url(connection), connection.name
    if login := _oauth(connection, host):
        return Client(host, name=name, auth=login)
    user, secret = connection.login, connection.password
    if not secret:
        raise ConfigError(
            f'connection "{name}": no login. Set client_id and client_secret in its extra, as '
            "shown in .env.example."
        )
    if not user:
        return Client(host, name=name, headers={"Authorization": f"Bearer {secret}"})
    log.warning(
        "%s: the connection uses an API token. Zendesk creates none since 2026-10-27 and ends "
        "all on %s. Set client_id and client_secret in its extra; see docs/runbooks.md.",
        name,
        API_TOKENS_END,
    )
    user = user if user.endswith("/token") else f"{user}/token"
    return Client(host, name=name, auth=(user, secret))


def _oauth(connection: Connection, host: str) -> Login | None:
    """The login by OAuth; None where the connection names no client."""
    extra = {key: str(value or "") for key, value in connection.extra.items()}
    client, secret = extra.get("client_id", ""), extra.get("client_secret", "")
    refresh = extra.get("refresh_token", "")
    if not client:
        return None
    if not (secret or refresh):
        raise ConfigError(
            f'connection "{connection.name}": extra.client_id needs extra.client_secret (client '
            "credentials) or extra.refresh_token."
        )
    options: Any = {
        "name": connection.name,
        "client_id": client,
        "client_secret": secret,
        "scope": SCOPE,
    }
    url = f"{host}/oauth/tokens"
    if not refresh:
        return Login(url, grant="client_credentials", is_json=True, **options)
    from rapport.warehouse.vendor_tokens import VendorTokens

    tokens = VendorTokens(connection.name, refresh)
    return RotatingLogin(url, tokens, is_json=True, **options)
