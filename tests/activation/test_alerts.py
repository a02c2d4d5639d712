"""Whom `alerts` tells, over the wire: Slack's double, a mail server and a hook of this process."""

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rapport import alerts
from rapport.errors import ConfigError
from rapport.settings import Settings

TEXT = "intercom/readers: waits for approval."


class Letters(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as it takes to hand in a letter."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.letters.append(b"".join(lines))  # type: ignore[attr-defined]
            self._say("221 bye" if line == b"QUIT" else "250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@pytest.fixture
def mail() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Letters) as server:
        server.daemon_threads = True
        server.letters = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))


def test_a_channel_of_slack_gets_the_text(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapport.sandbox.credentials import CREDENTIALS

    token = CREDENTIALS["slack"]["password"]
    address = {"base_url": f"{base}/slack/api/"}
    connect(monkeypatch, "slack_alerts", conn_type="slack", password=token, extra=address)
    block = {"slack": {"connection": "slack_alerts", "channel": "#marketing"}}
    alerts.tell(Settings(alerts=block), TEXT)
    posted = httpx.get(f"{base}/_sandbox/state/slack").json()
    assert [message["text"] for _, message in posted] == [TEXT]


def test_people_get_a_letter(mail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = mail.server_address
    plain = {"disable_ssl": True, "disable_tls": True, "from_email": "rapport@example.com"}
    connect(monkeypatch, "smtp_alerts", conn_type="smtp", host=host, port=port, extra=plain)
    block = {"email": {"connection": "smtp_alerts", "to": ["oncall@example.com"]}}
    alerts.tell(Settings(alerts=block), TEXT)
    (raw,) = mail.letters
    letter = email.message_from_bytes(raw)
    assert (letter["To"], letter["Subject"]) == ("oncall@example.com", "Rapport: lists")
    assert TEXT in str(letter.get_payload(0).get_payload(decode=True))  # type: ignore[union-attr]


def test_a_webhook_gets_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.http.notifications import HttpNotifier

    sent: list[Any] = []
    monkeypatch.setattr(HttpNotifier, "notify", lambda self, context: sent.append(self.json))
    alerts.tell(Settings(alerts={"webhook": {"connection": "hook"}}), TEXT)
    assert sent == [{"text": TEXT}]


def test_a_wrong_block_is_told_by_its_key() -> None:
    with pytest.raises(ConfigError, match="alerts"):
        alerts.notifiers(Settings(alerts={"slack": {"chanel": "#marketing"}}))
