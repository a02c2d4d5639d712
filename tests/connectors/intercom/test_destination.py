"""What is Intercom's own; the rest is in tests/contracts/test_destinations.py."""

import pytest

from rapport.connectors.intercom.destination import Intercom
from rapport.vendors.connections import Connection


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "https://api.intercom.io"),
        ("api.eu.intercom.io", "https://api.eu.intercom.io"),
        ("https://api.au.intercom.io/", "https://api.au.intercom.io"),
    ],
)
def test_a_host_may_be_written_without_its_scheme(host: str, address: str) -> None:
    tool = Intercom(None, Connection("intercom", host=host, password="token"))
    assert str(tool._client._http.base_url) == address
    tool.close()
