"""A project in a folder of its own: `rapport.yml`, segments as files, sources by their models.

>>> Project(tmp_path).declare("news")  # doctest: +SKIP
"""

import os
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from rapport.activation.segments.declarations import FOLDER

SEGMENTS: dict[str, dict[str, Any]] = {
    "open_ticket": {
        "purpose": "service", "channel": "none", "destinations": ["intercom"], "priority": 1,
        "needs": ["conversations"], "suppresses": ["marketing"],
    },
    "care": {
        "purpose": "service", "channel": "email", "destinations": ["intercom"], "priority": 5,
        "needs": ["orders"],
    },
    "news": {
        "purpose": "marketing", "channel": "email", "destinations": ["intercom", "mailchimp"],
        "priority": 10, "needs": ["orders"],
    },
    "survey": {
        "purpose": "feedback", "channel": "email", "destinations": ["mailchimp"], "priority": 20,
        "needs": ["orders"],
    },
    "offers": {
        "purpose": "marketing", "channel": "sms", "destinations": ["twilio"], "priority": 30,
        "needs": ["orders"], "mode": "upsert",
    },
}  # fmt: skip
# The source of each entity, and who brings consent.
SOURCES = {"files": "orders", "zendesk": "conversations", "hubspot": "consent_events",
           "typeform": "consent_events"}  # fmt: skip
CONSENT_SOURCES = ("hubspot", "typeform")
DESTINATIONS = ("intercom", "mailchimp", "twilio", "sendgrid_mail")
WRONG = {
    "a typo in purpose": ("purpose: ", "purpose: x"),
    "a typo in suppresses": ("- marketing", "- marketting"),
    "a wrong date": ("expires: 2030-01-01", "expires: 2028-13-31"),
    "not YAML": ("models:", "models: {"),
}
VERSIONS = count(1)
CAPS = {"email": {"messages": 2, "days": 7}, "sms": {"messages": 2, "days": 7}}


class Project:
    """Writes the files; `declared` is what they say, with `wrong` files by segment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            path.unlink()
        for source, entity in SOURCES.items():
            folder = home / "dbt_project" / "models" / "staging" / source
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"stg_{source}__{entity}.sql").write_text("select 1\n")
        published = [
            {"name": f"people_of_{key}", "config": {"meta": {"publish": "marts"}}}
            for key in SEGMENTS
        ]
        path = home / "dbt_project" / "models" / "people.yml"
        path.write_text(yaml.safe_dump({"models": published}))
        self.sources = dict.fromkeys(SOURCES, True)
        self.destinations = dict.fromkeys(DESTINATIONS, True)
        self.declared: dict[str, dict[str, Any]] = {}
        self.wrong: dict[str, str] = {}
        self.configure()

    def configure(self) -> None:
        """Write `rapport.yml`: what is True is on, what is False is off, what is None is gone."""
        kinds = {"sources": self.sources, "destinations": self.destinations}
        content: dict[str, Any] = {
            kind: {name: {"enabled": is_on} for name, is_on in some.items() if is_on is not None}
            for kind, some in kinds.items()
        }
        content["activation"] = {"caps": CAPS}
        path = self.home / "rapport.yml"
        path.write_text(yaml.safe_dump({"demo": False, **content}))
        # Settings are read again when the time of the file is another one; clocks are too coarse.
        os.utime(path, ns=(0, next(VERSIONS) * 1_000_000_000))

    def declare(self, key: str, **changes: Any) -> None:
        """Write the two files of a segment, right ones."""
        self.declared[key] = {**SEGMENTS[key], **self.declared.get(key, {}), **changes}
        self.wrong.pop(key, None)
        segment = {
            "key": key, "name": f"People of {key}", "owner": "tests",
            "description": "People whom a test made up here.", "traits": {"score": f"{key}_score"},
            "size_band": [0, 1000], "change_budget": 1.0, "expires": date(2030, 1, 1),
            **self.declared[key],
        }  # fmt: skip
        model = {"name": f"seg_{key}", "config": {"meta": {"segment": segment}}}
        self._path(key).write_text(yaml.safe_dump({"models": [model]}, sort_keys=False))
        self._path(key).with_suffix(".sql").write_text(
            f"select customer_id, score from {{{{ ref('people_of_{key}') }}}}\n"
        )

    def spoil(self, key: str, how: str) -> None:
        """Make the YAML of a segment one that cannot be read."""
        self.declare(key)
        text = self._path(key).read_text()
        before, after = WRONG[how]
        if before not in text:
            before, after = WRONG["not YAML"]
        self._path(key).write_text(text.replace(before, after, 1))
        self.wrong[key] = how

    def delete(self, key: str) -> None:
        """Take both files of a segment away."""
        for suffix in (".yml", ".sql"):
            self._path(key).with_suffix(suffix).unlink(missing_ok=True)
        self.declared.pop(key, None)
        self.wrong.pop(key, None)

    def is_on(self, kind: str, name: str) -> bool:
        return bool((self.sources if kind == "sources" else self.destinations).get(name))

    def _path(self, key: str) -> Path:
        return self.folder / f"seg_{key}.yml"
