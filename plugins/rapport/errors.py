"""All errors that Rapport raises on purpose, each named after what to do next.

RapportError
├── ConfigError      the configuration is wrong; change it, a retry does not help
├── RetryLater       the other side is busy or down; retry, after `retry_after` seconds if given
├── GiveUp           the other side refuses the request (wrong token, missing scope)
├── BadRecord        one record cannot be loaded or sent; the others can
├── AlreadyRunning   another process is doing the same work
├── StaleWriter      a newer process has taken over; this one must not commit
└── GateFailed       a quality gate or a dbt model failed; published data stays as it was

>>> RetryLater("postbox: 429 on /api/v2/users", retry_after=30).retry_after
30
"""


class RapportError(Exception):
    """The base class. Messages contain no personal data and no secrets."""


class ConfigError(RapportError):
    """The configuration is wrong. The message says where, what is wrong, and what to do."""


class RetryLater(RapportError):
    """Try again later. `retry_after` is in seconds; None if the other side gave no time."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GiveUp(RapportError):
    """A retry cannot help until somebody changes something, such as a token."""


class BadRecord(RapportError):
    """One record cannot be loaded or sent."""


class AlreadyRunning(RapportError):
    """Another process is doing the same work."""


class StaleWriter(RapportError):
    """A newer process has taken over, and this one's commit is refused."""


class GateFailed(RapportError):
    """A quality gate or a dbt model failed. The message says what failed and what stays."""
