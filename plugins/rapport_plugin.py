"""What Airflow should see of Rapport: its pages, and where they stand in the navigation.

Airflow imports plugins in every process, tasks too: nothing is imported here that is not needed,
and the application is made when its first request comes.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class Pages:
    """The application, made at its first request."""

    def __init__(self) -> None:
        self._application: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        if self._application is None:
            from rapport.pages.app import application

            self._application = application()
        await self._application(scope, receive, send)


def _view(name: str, path: str) -> dict[str, Any]:
    return {
        "name": name,
        "href": f"rapport/{path}",
        "url_route": f"rapport-{path}",
        "destination": "nav",
        "category": "Rapport",
    }


class RapportPlugin(AirflowPlugin):
    """Runs, Customers, Segments and Metrics; the API for programs is below rapport/api/v1."""

    name = "rapport"
    fastapi_apps = [{"app": Pages(), "url_prefix": "/rapport", "name": "Rapport"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        _view("Runs", "runs"),
        _view("Customers", "customers"),
        _view("Segments", "segments"),
        _view("Metrics", "metrics"),
    ]
