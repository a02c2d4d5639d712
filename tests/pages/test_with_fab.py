"""The pages under Airflow's FAB auth manager and its roles, where it is installed."""

import importlib.util
from collections.abc import Iterator

import pytest

from ..card.conftest import ANN
from .conftest import CANARIES
from .running import Airflow, running

pytestmark = pytest.mark.slow

MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
USERS = {"vera": "Viewer", "uma": "User", "otto": "Op", "ada": "Admin", "peter": "Public"}

if importlib.util.find_spec("flask_appbuilder") is None:
    pytest.skip(
        "apache-airflow-providers-fab is not installed: its roles are not tried",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def airflow(
    company: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """One api-server whose users and roles are those of FAB."""
    folder = tmp_path_factory.mktemp("fab")
    with running(
        postgres, company, folder, USERS, {"AIRFLOW__CORE__AUTH_MANAGER": MANAGER}
    ) as started:
        yield started


def test_nobody_gets_in_without_a_login(airflow: Airflow) -> None:
    for path in ("/runs", f"/customers/{ANN}", "/metrics", "/api/v1/segments", "/nowhere"):
        assert airflow.get(f"/rapport{path}").status_code == 401, path


@pytest.mark.parametrize(
    ("name", "numbers", "people", "contacts"),
    [("peter", 403, 403, False), ("vera", 200, 403, False), ("uma", 200, 200, False),
     ("otto", 200, 200, True), ("ada", 200, 200, True)],
)  # fmt: skip
def test_the_roles_of_fab_decide_who_sees_what(
    airflow: Airflow, name: str, numbers: int, people: int, contacts: bool
) -> None:
    assert airflow.get("/rapport/runs", name).status_code == numbers
    answer = airflow.get(f"/rapport/api/v1/customers/{ANN}", name)
    assert answer.status_code == people
    assert (CANARIES[1] in answer.text) == contacts
    by_cookie = airflow.get(f"/rapport/customers/{ANN}", name, cookie=True)
    assert by_cookie.status_code == people
    assert (CANARIES[1] in by_cookie.text) == contacts
