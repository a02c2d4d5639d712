"""Who is told when a DAG fails: Airflow's own notifiers, as `alerts` in `rapport.yml` says.

    alerts:
      slack: {connection: slack_alerts, channel: "#data"}
      email: {connection: smtp_default, to: [oncall@example.com]}

>>> from rapport.settings import Settings
>>> notifiers(Settings())
[]
"""

from typing import Any

from rapport.settings import Block, Settings

TEXT = (
    "{{ dag.dag_id }} failed, run {{ run_id }}. "
    "Its notes in Airflow say what to look at; `rapport status` shows the night."
)


class Slack(Block):
    """A channel, by an Airflow connection of type Slack API."""

    connection: str = "slack_default"
    channel: str


class Email(Block):
    """Addresses, by an Airflow connection of type SMTP."""

    connection: str = "smtp_default"
    to: list[str]


class Alerts(Block):
    """The block `alerts`."""

    slack: Slack | None = None
    email: Email | None = None


def notifiers(settings: Settings) -> list[Any]:
    """The notifiers for `on_failure_callback`; raises `ConfigError` for a wrong block."""
    alerts = settings.checked("alerts", Alerts)
    found: list[Any] = []
    if alerts.slack is not None:
        from airflow.providers.slack.notifications.slack import SlackNotifier

        found.append(
            SlackNotifier(
                slack_conn_id=alerts.slack.connection, channel=alerts.slack.channel, text=TEXT
            )
        )
    if alerts.email is not None:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        found.append(
            SmtpNotifier(
                smtp_conn_id=alerts.email.connection,
                to=alerts.email.to,
                subject="Rapport: {{ dag.dag_id }} failed",
                html_content=TEXT,
            )
        )
    return found
