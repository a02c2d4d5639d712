"""SFTP servers through Airflow's connections, for files that come and for exports that go.

>>> with connected("partner", "reading from") as client:  # doctest: +SKIP
...     client.listdir("/upload")
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rapport.errors import ConfigError, RetryLater


@contextmanager
def connected(conn_id: str, doing: str) -> Iterator[Any]:
    """A client of paramiko's. Only a server whose host key the connection names is spoken to.

    Raises `ConfigError` for a connection that would trust anybody, and `RetryLater` for whatever
    goes wrong between; `doing` says in the message what was being done.
    """
    try:
        import paramiko  # type: ignore[import-untyped]
        from airflow.providers.sftp.hooks.sftp import SFTPHook
    except ImportError:
        raise ConfigError(
            f'connection "{conn_id}": SFTP needs apache-airflow-providers-sftp. Install Rapport '
            'with its extra "sftp".'
        ) from None
    hook = SFTPHook(ssh_conn_id=conn_id)
    if hook.no_host_key_check:
        raise ConfigError(
            f'connection "{conn_id}": the server could be anybody. Set '
            '"no_host_key_check": false and "host_key" in its extra.'
        )
    try:
        with hook.get_managed_conn() as client:
            yield client
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise RetryLater(
            f"sftp: {type(error).__name__} while {doing} connection "
            f'"{conn_id}". Check its host, login, host_key and the folder\'s rights.'
        ) from None
