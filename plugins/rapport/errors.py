"""Every error that Rapport raises on purpose, named by what to do next.

RapportError
├── ConfigError      a person must change the configuration; trying again is useless
├── RetryLater       the other side is busy or down; try again, after `retry_after` seconds if given
├── GiveUp           the other side refused for good (a wrong token, a missing scope)
├── BadRecord        one record cannot be taken; the others can
├── AlreadyRunning   another process holds the lock for the same work
├── StaleWriter      this process was overtaken by a newer one and must not commit
└── GateFailed       a quality gate or a model said no; what readers see stays as it was

>>> RetryLater("postbox: 429 on /api/v2/users", retry_after=30).retry_after
30
"""


class RapportError(Exception):
    """The root of the hierarchy. Messages hold no personal data and no secret."""


class ConfigError(RapportError):
    """The configuration is wrong: the message says file, line, what, and what to do."""


class RetryLater(RapportError):
    """Try again later; `retry_after` is in seconds, None where the other side did not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GiveUp(RapportError):
    """Trying again cannot help until somebody changes something."""


class BadRecord(RapportError):
    """One record cannot be taken."""


class AlreadyRunning(RapportError):
    """The same work is being done by another process."""


class StaleWriter(RapportError):
    """A newer process took over; this one's commit is refused."""


class GateFailed(RapportError):
    """A quality gate failed; the message names expectation and report, and what stays as it was."""
