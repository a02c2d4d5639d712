"""Whom `alerts` tells, by the doubles of Slack and of a mail server, over the wire."""

import json
from typing import Any

import httpx
import pytest

from rapport.errors import ConfigError
from rapport.settings import Settings
from rapport.tasks import alerts
from rapport_sandbox.doubles import logins

TEXT = "intercom/readers: waits for approval."


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))


def test_a_channel_of_slack_gets_the_text(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = logins()["slack"]["password"]
    address = {"base_url": f"{base}/slack/api/"}
    connect(monkeypatch, "slack_alerts", conn_type="slack", password=token, extra=address)
    block = {"slack": {"connection": "slack_alerts", "channel": "#marketing"}}
    alerts.tell(Settings(alerts=block), TEXT)
    posted = httpx.get(f"{base}/_sandbox/state/slack").json()
    assert [message["text"] for _, message in posted] == [TEXT]


def test_people_get_a_letter(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    login = logins()["smtp"]
    where = httpx.get(f"{base}/smtp/address", auth=(login["login"], login["password"])).json()
    plain = {"disable_ssl": True, "disable_tls": True, "from_email": "rapport@example.com"}
    connect(
        monkeypatch, "smtp_alerts", conn_type="smtp", host=where["host"], port=where["port"],
        login=login["login"], password=login["password"], extra=plain,
    )  # fmt: skip
    block = {"email": {"connection": "smtp_alerts", "to": ["oncall@example.com"]}}
    alerts.tell(Settings(alerts=block), TEXT)
    ((_, letter),) = httpx.get(f"{base}/_sandbox/state/smtp").json()
    assert letter["envelope_to"] == "oncall@example.com"
    assert letter["headers"]["Subject"] == "Rapport: lists"
    assert TEXT in "".join(letter["texts"].values())


def test_a_webhook_gets_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.http.notifications import HttpNotifier

    sent: list[Any] = []
    monkeypatch.setattr(HttpNotifier, "notify", lambda self, context: sent.append(self.json))
    alerts.tell(Settings(alerts={"webhook": {"connection": "hook"}}), TEXT)
    assert sent == [{"text": TEXT}]


def test_a_wrong_block_is_told_by_its_key() -> None:
    with pytest.raises(ConfigError, match="alerts"):
        alerts.notifiers(Settings(alerts={"slack": {"chanel": "#marketing"}}))
