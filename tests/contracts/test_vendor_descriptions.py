"""Every request is judged by the vendor's own OpenAPI description, where we have it.

The files are in `<RAPPORT_REFERENCE_DIR>/specs/<vendor>/*.{json,yaml}`, by default beside the
project; a vendor whose folder is added there is judged without a change here. The description is
first made strict enough to judge and no stricter: `nullable` without a type would switch a schema
off, and alternatives of `oneOf` that overlap would refuse what is right.
"""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.testing import MockRequest

from rapport.connectors import all_destinations, all_sources
from rapport.vendors.destination import Audience, Batch, Job, Person, RunContext
from rapport_sandbox.doubles import logins
from rapport_sandbox.recorder import OPTIONS, Recorder

ROOT = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("RAPPORT_REFERENCE_DIR", ROOT.parent / "shared")) / "specs"
AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
HOST = "http://vendor"
# Calls that the vendor documents elsewhere than in the files we know, with where.
ELSEWHERE: dict[str, dict[str, str]] = {
    "klaviyo": {
        r"GET /api/lists/\w+/profiles": "developers.klaviyo.com/en/reference/get_profiles_for_list",
    },
    "sendgrid": {
        r"GET /v3/suppression/\w+": "twilio.com/docs/sendgrid/api-reference/bounces-api",
        r"GET /v3/asm/groups/\d+/suppressions": (
            "twilio.com/docs/sendgrid/api-reference/suppressions-suppressions"
        ),
    },
    "zendesk": {
        r"GET /api/v2/business_hours/schedules(/\d+/holidays)?": (
            "developer.zendesk.com/api-reference/ticketing/ticket-management/schedules/"
        ),
    },
}


def described() -> list[str]:
    return sorted(folder.name for folder in SPECS.glob("*/")) if SPECS.is_dir() else []


class Judge:
    """What a vendor's files say of a request."""

    def __init__(self, folder: Path) -> None:
        files = [path for path in sorted(folder.iterdir()) if path.suffix in (".json", ".yaml")]
        config = Config(spec_validator_cls=None)
        loaded = [yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in files]
        self.files = [
            OpenAPI.from_dict(repaired(content, is_whole=True), config=config)
            for content in loaded
            if isinstance(content, dict) and "paths" in content
        ]

    def says(self, asked: dict[str, Any], **changed: Any) -> str | None:
        """None for a right request, "unknown" where no file has its path, else what is wrong."""
        verdict = "unknown"
        for file in self.files:
            request = MockRequest(
                HOST,
                asked["method"].lower(),
                asked["path"],
                args=dict(parse_qsl(asked["query"])),
                headers=asked["headers"],
                content_type=asked["headers"].get("content-type", "").partition(";")[0],
                data=changed.get("content", asked["content"]),
            )
            try:
                file.validate_request(request)
            except PathError:
                continue
            except OpenAPIError as error:
                verdict = reasons(error)
                continue
            return None
        return verdict


def reasons(error: BaseException) -> str:
    """The error with what caused it, and where in the body."""
    found, cause = [str(error)], error.__cause__
    while cause is not None:
        found.append(str(cause))
        for inner in getattr(cause, "schema_errors", ()):
            found.append(f"{list(inner.absolute_path)}: {inner.message[:300]}")
        cause = cause.__cause__
    return "; ".join(found)


def repaired(node: Any, is_whole: bool = False) -> Any:
    """The description as a judge."""
    if isinstance(node, list):
        return [repaired(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: repaired(value) for key, value in node.items()}
    if "nullable" in made and "type" not in made:
        made.pop("nullable")
    if "oneOf" in made and "anyOf" not in made:
        made["anyOf"] = made.pop("oneOf")
    if "example" in made and made["example"] is None:
        made.pop("example")
    if "*/*" in made and "application/json" not in made:
        made["application/json"] = made.pop("*/*")
    if is_whole:
        made["servers"] = [{"url": HOST + prefix(server)} for server in made.get("servers", [{}])]
        for path in made["paths"].values():
            for part in (path, *(inner for inner in path.values() if isinstance(inner, dict))):
                part.pop("servers", None)
    return made


def prefix(server: dict[str, Any]) -> str:
    """The path of a server's URL, whatever its variables are."""
    return urlsplit(re.sub(r"\{[^}]*\}", "x", server.get("url", ""))).path.rstrip("/")


@cache
def judge(vendor: str) -> Judge:
    return Judge(SPECS / vendor)


def asked_of(twins: Recorder, vendor: str) -> list[dict[str, Any]]:
    found = [
        {**asked, "path": asked["path"].removeprefix(f"/{vendor}")}
        for asked in twins.requests
        if asked["path"].startswith(f"/{vendor}/")
    ]
    assert found, f"nothing was asked of {vendor}"
    return found


def assert_valid(vendor: str, requests: list[dict[str, Any]]) -> None:
    wrong = []
    for asked in requests:
        call, verdict = f"{asked['method']} {asked['path']}", judge(vendor).says(asked)
        elsewhere = ELSEWHERE.get(vendor, {})
        if verdict == "unknown" and any(re.fullmatch(glob, call) for glob in elsewhere):
            continue
        if verdict is not None:
            wrong.append(f"{call}: {verdict}")
    assert wrong == []


def push(name: str, twins: Recorder) -> None:
    """A list of every channel's people from beginning to end, and what the tool knows of them."""
    tool = all_destinations()[name](
        OPTIONS.get(name, {}), twins.connection(name), sleep=lambda seconds: None
    )
    kinds = ("string", "integer", "float", "boolean", "date", "datetime")
    values = ("text", 7, 1.5, True, "2026-03-30", "2026-03-30T12:00:00Z")
    attributes = {f"a_{kind}": kind for kind in kinds}
    for channel in ("email", "sms", "push"):
        audience = Audience(f"judged_{channel}", "Judged", channel, "marketing", attributes)
        people = [
            Person(
                f"customer_{channel}_{number}", None, f"{channel}{number}@example.com",
                f"+4930123456{number}" if channel == "sms" else None, "Anna Berg",
                f"u_{number}" if channel == "push" else None,
                traits=dict(zip(attributes, values, strict=True)),
            )
            for number in range(2)
        ]  # fmt: skip
        batch = Batch(f"batch_{channel}", audience, people, "20260331T030000Z-01", AS_OF)
        tool.prepare(audience)
        for send in (tool.upsert, tool.upsert, tool.remove):
            answer = send(batch)
            while isinstance(answer, Job) and tool.poll(answer, batch) is None:
                pass
        tool.finish(audience, RunContext(batch.run_id, AS_OF, "abc123", lambda: iter(())))
        list(tool.members(audience) or ())
    list(tool.contacts())
    tool.erase(people[0])
    tool.close()


def vendor_of(name: str) -> str:
    """Whose file a destination is judged by: `sendgrid_mail` is SendGrid's."""
    return name if name in described() else name.partition("_")[0]


DESTINATIONS = sorted(
    name for name in all_destinations().keys() & logins() if vendor_of(name) in described()
)
SOURCES = sorted(set(described()) & set(all_sources()) & set(logins()))


def test_there_are_descriptions_to_judge_by() -> None:
    if not described():
        pytest.skip(f"no descriptions in {SPECS}: set RAPPORT_REFERENCE_DIR")
    assert DESTINATIONS or SOURCES


@pytest.mark.parametrize("name", DESTINATIONS)
def test_every_request_of_a_destination_is_valid(name: str, twins: Recorder) -> None:
    push(name, twins)
    assert_valid(vendor_of(name), asked_of(twins, name))


@pytest.mark.parametrize("name", DESTINATIONS)
def test_the_description_can_refuse(name: str, twins: Recorder) -> None:
    """A body of the wrong type is refused by each operation, else nothing would be judged."""
    push(name, twins)
    bodies = [asked for asked in asked_of(twins, name) if isinstance(asked["body"], dict)]
    kinds = {(asked["method"], re.sub(r"[0-9a-f]{6,}|\d+", "*", asked["path"])) for asked in bodies}
    refused = {
        (asked["method"], re.sub(r"[0-9a-f]{6,}|\d+", "*", asked["path"]))
        for asked in bodies
        if judge(vendor_of(name)).says(asked, content=b'["text"]') is not None
    }
    assert kinds
    assert refused == kinds


@pytest.mark.parametrize("name", SOURCES)
def test_every_request_of_a_source_is_valid(name: str, twins: Recorder) -> None:
    source = all_sources()[name]({})
    with source.client(twins.connection(name)) as client:
        for stream in source.streams():
            for _ in stream.pages(client, None, AS_OF):
                pass
    assert_valid(name, asked_of(twins, name))


def test_a_judge_refuses_what_is_wrong(tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    content = {"application/json": {"schema": schema}}
    operation = {"requestBody": {"required": True, "content": content}, "responses": {}}
    description = {
        "openapi": "3.0.0",
        "info": {"title": "Example", "version": "1"},
        "servers": [{"url": "https://{dc}.api.example.com/3.0"}],
        "paths": {"/lists/{id}": {"post": operation}},
    }
    (tmp_path / "example.json").write_text(json.dumps(description))
    ask: Callable[..., dict[str, Any]] = lambda path, body: {  # noqa: E731
        "method": "POST", "path": path, "query": "", "content": json.dumps(body).encode(),
        "headers": {"content-type": "application/json"},
    }  # fmt: skip
    example = Judge(tmp_path)
    assert example.says(ask("/3.0/lists/7", {"name": "a"})) is None
    assert "name" in str(example.says(ask("/3.0/lists/7", {"name": 1})))
    assert "name" in str(example.says(ask("/3.0/lists/7", {})))
    assert example.says(ask("/lists/7", {"name": "a"})) == "unknown"
