"""Alerts when a DAG fails or a list changes its state, by Airflow's own notifiers.

`alerts` in `rapport.yml` says which:

    alerts:
      slack: {connection: slack_alerts, channel: "#data"}
      email: {connection: smtp_default, to: [oncall@example.com]}
      webhook: {connection: http_alerts, endpoint: hooks/rapport}

>>> from rapport.settings import Settings
>>> notifiers(Settings())
[]
"""

from typing import Any

from rapport.settings import Block, Settings

TEXT = (
    "{{ dag.dag_id }} failed, run {{ run_id }}. "
    "Its notes in Airflow say what to do; `rapport status` shows the run."
)


class Slack(Block):
    """A channel, by an Airflow connection of type Slack API."""

    connection: str = "slack_default"
    channel: str


class Email(Block):
    """Addresses, by an Airflow connection of type SMTP."""

    connection: str = "smtp_default"
    to: list[str]


class Webhook(Block):
    """A POST of `{"text": ...}`, by an Airflow connection of type HTTP."""

    connection: str = "http_default"
    endpoint: str = ""


class Alerts(Block):
    """The block `alerts`."""

    slack: Slack | None = None
    email: Email | None = None
    webhook: Webhook | None = None


def tell(settings: Settings, text: str) -> None:
    """Send a text to everybody of the block `alerts`; raises what a notifier raises."""
    for notifier in notifiers(settings, text, "Rapport: lists"):
        notifier.notify({})


def notifiers(
    settings: Settings, text: str = TEXT, subject: str = "Rapport: {{ dag.dag_id }} failed"
) -> list[Any]:
    """The notifiers for `on_failure_callback`; raises `ConfigError` for a wrong block."""
    alerts = settings.checked("alerts", Alerts)
    found: list[Any] = []
    if alerts.slack is not None:
        from airflow.providers.slack.notifications.slack import SlackNotifier

        found.append(
            SlackNotifier(
                slack_conn_id=alerts.slack.connection, channel=alerts.slack.channel, text=text
            )
        )
    if alerts.email is not None:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        found.append(
            SmtpNotifier(
                smtp_conn_id=alerts.email.connection,
                to=alerts.email.to,
                subject=subject,
                html_content=text,
            )
        )
    if alerts.webhook is not None:
        from airflow.providers.http.notifications import HttpNotifier

        found.append(
            HttpNotifier(
                http_conn_id=alerts.webhook.connection,
                endpoint=alerts.webhook.endpoint,
                json={"text": text},
            )
        )
    return found
