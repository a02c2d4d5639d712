"""A bad rapport.yml: each complaint says file, line, key, what is wrong and what to do."""

import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from rapport import paths
from rapport.errors import ConfigError
from rapport.settings import Settings, known, load_settings


def complaint(tmp_path: Path, text: str) -> str:
    file = tmp_path / "rapport.yml"
    file.write_text(textwrap.dedent(text).lstrip("\n"))
    with pytest.raises(ConfigError) as raised:
        load_settings(file)
    return str(raised.value).replace(f"{tmp_path}/", "")


def test_the_projects_own_file_is_right() -> None:
    settings = load_settings()
    assert settings.demo
    assert settings.company.default_region == "DE"
    assert set(settings.enabled("sources")) <= set(known("sources"))
    assert set(settings.enabled("destinations")) <= set(known("destinations"))
    datasets = settings.source_options("files")["datasets"]
    assert {name: dataset["entity"] for name, dataset in datasets.items()} == {
        "shop_customers": "contacts",
        "shop_orders": "orders",
        "billing_subscriptions": "subscriptions",
        "billing_payments": "payments",
        "consent_log": "consent_events",
        "newsletter_events": "message_events",
    }


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "rapport.yml").write_text("# nothing yet\n")
    settings = load_settings(tmp_path / "rapport.yml")
    assert settings.enabled("sources") == {}
    assert settings.schedule.cutoff_minutes == 120
    assert not settings.demo


def test_a_source_that_is_turned_off_keeps_its_options(tmp_path: Path) -> None:
    (tmp_path / "rapport.yml").write_text(
        "sources:\n  zendesk: {enabled: false, sideload: true}\n  hubspot:\n"
    )
    settings = load_settings(tmp_path / "rapport.yml")
    assert settings.enabled("sources") == {"hubspot": {}}
    assert settings.source_options("zendesk") == {"sideload": True}
    assert settings.source_options("typeform") == {}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "rapport.yml"
    file.write_text("demo: true\n")
    assert load_settings(file).demo
    file.write_text("demo: false\n")
    assert not load_settings(file).demo


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "company:\n  name: Example\n  default_regio: DE\n",
            'rapport.yml:3: company.default_regio: unknown key, did you mean "default_region". '
            "There are: name, default_region, timezone, currency. "
            "Correct the name or take it out.",
        ),
        ("demoo: true\n", 'rapport.yml:1: demoo: unknown key, did you mean "demo".'),
        (
            "schedule:\n  nightly: '0 3 * * *'\n  cutoff_minutes: soon\n",
            "rapport.yml:3: schedule.cutoff_minutes: input should be a valid integer, unable to "
            'parse string as an integer, but it is the text "soon". Correct the value.',
        ),
        (
            "schedule: {nightly: daily}\n",
            "rapport.yml:1: schedule.nightly: not a cron line of five fields",
        ),
        (
            "company: {timezone: Berlin}\n",
            "rapport.yml:1: company.timezone: no time zone 'Berlin', write one like Europe/Berlin",
        ),
        ("company: {currency: euro}\n", "rapport.yml:1: company.currency: string should match"),
        ("sandbox: {people: 0}\n", "rapport.yml:1: sandbox.people: input should be greater than"),
        ("sources: [hubspot]\n", "rapport.yml:1: sources: input should be a valid dictionary"),
        (
            "sources:\n  hubspot: {}\n  zendesk: yes please\n",
            "rapport.yml:3: sources.zendesk: input should be a valid dictionary",
        ),
        (
            "sources:\n  files: {enabled: 'no'}\n",
            "rapport.yml:2: sources.files.enabled: write true or false.",
        ),
        (
            "surveys:\n  typeform:\n    form1: {score: nbs}\n",
            "rapport.yml:3: surveys.typeform.form1.score: input should be 'nps', 'csat' or 'ces'",
        ),
        (
            "demo: true\nsandbox: {seed: 1}\ndemo: false\n",
            "rapport.yml:3: demo: stands here for the second time, first in line 1. Keep one.",
        ),
        ("company: {name: 'x'\n", "rapport.yml:2: not YAML:"),
        ("demo:\n\ttrue\n", "rapport.yml:2: not YAML:"),
        ("- demo\n", "rapport.yml:1: not a mapping of keys to values."),
        ("demo: !!python/object/apply:os.getcwd []\n", "rapport.yml:1: not YAML:"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text)


def test_an_unknown_source_or_destination_lists_the_known_ones(tmp_path: Path) -> None:
    said = complaint(tmp_path, "sources:\n  hubspott: {}\ndestinations:\n  intercomm: {}\n")
    assert (
        'rapport.yml:2: sources.hubspott: no such source, did you mean "hubspot". There are: '
        f"{', '.join(known('sources'))}." in said
    )
    assert 'rapport.yml:4: destinations.intercomm: no such destination, did you mean "int' in said


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = complaint(tmp_path, "demo: maybe\nsources: {nothing: {}}\nsandbox: {people: many}\n")
    assert [line.split(": ")[0] for line in said.splitlines()] == [
        "rapport.yml:2",
        "rapport.yml:1",
        "rapport.yml:3",
    ]


def test_a_long_text_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    """It may be a secret."""
    secret = "pat-na1-0123456789abcdef0123456789abcdef"
    assert secret not in complaint(tmp_path, f"demo: {secret}\nsandbox: {{seed: {secret}}}\n")


def test_a_missing_file_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file\. Run in the project's folder"):
        load_settings(tmp_path / "rapport.yml")


def test_an_areas_own_options_are_checked_with_their_line(tmp_path: Path) -> None:
    class Reading(BaseModel):
        model_config = ConfigDict(extra="forbid")
        depth: int = 1

    class Options(BaseModel):
        model_config = ConfigDict(extra="forbid")
        reading: Reading = Reading()

    file = tmp_path / "rapport.yml"
    file.write_text("sources:\n  zendesk:\n    enabled: true\n    reading:\n      dept: 2\n")
    settings = load_settings(file)
    with pytest.raises(ConfigError) as raised:
        settings.checked("sources.zendesk", Options)
    assert "rapport.yml:5: sources.zendesk.reading.dept: unknown key, did you mean" in str(
        raised.value
    )
    assert settings.checked("sources.hubspot", Options).reading.depth == 1


def test_a_source_is_known_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapport import connectors

    (tmp_path / "newcomer").mkdir()
    (tmp_path / "newcomer" / "source.py").write_text("")
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(tmp_path)])
    assert "newcomer" in known("sources")
    file = tmp_path / "rapport.yml"
    file.write_text("sources: {newcomer: {}}\n")
    assert list(load_settings(file).enabled("sources")) == ["newcomer"]


def test_the_project_is_found_from_a_folder_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAPPORT_HOME", "RAPPORT_VAR", "RAPPORT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "rapport.yml").write_text("")
    (tmp_path / "below" / "further").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "below" / "further")
    assert paths.project_root() == tmp_path
    assert paths.var_dir() == tmp_path / "var"
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "elsewhere"))
    assert paths.var_dir() == tmp_path / "elsewhere"
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "other.yml"))
    assert paths.config_file() == tmp_path / "other.yml"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("identity: &a\n  more: *a\n", ":1: an alias stands inside of what it means"),
        ("identity: &a\n  more: [{deeper: *a}]\n", "an alias stands inside of what it means"),
        (
            "identity:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
            "more than 100,000 values",
        ),
    ],
)
def test_aliases_that_never_end_are_refused_at_once(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "rapport.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_settings(file)


def test_own_domains_are_hosts_in_lower_case_without_www() -> None:
    chosen = Settings.model_validate({"own_domains": ["www.Shop.example", "help.shop.example"]})
    assert chosen.own_domains == ("shop.example", "help.shop.example")
    assert Settings.model_validate({"own_domains": None}).own_domains == ()
    with pytest.raises(ValueError, match="no domain 'https"):
        Settings.model_validate({"own_domains": ["https://shop.example/"]})
