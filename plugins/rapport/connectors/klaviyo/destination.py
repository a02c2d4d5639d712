"""Klaviyo: a segment is a list, traits are properties of the profile named `rapport_…`.

Profiles are sent by import jobs. A row counts as sent once its job is complete without an error for
it. An import that adds a profile to a list does not change consent. The call that subscribes would
lift unsubscribes and suppressions, so it is never used.

API: https://developers.klaviyo.com/en/reference/bulk_import_profiles
Assumed: an import error's `source.pointer` ends in the row's number, as in the vendor's example.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rapport.connectors.klaviyo import VENDOR
from rapport.vendors.answers import code, results
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    Job,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.paging import PageTokens

REVISION = "2026-07-15"
JOBS = "/api/profile-bulk-import-jobs"
SAYS: Mapping[str, Kind] = {
    "HARD_BOUNCE": "bounced",
    "INVALID_EMAIL": "bounced",
    "SPAM_COMPLAINT": "complained",
}


class Klaviyo(HttpDestination):
    """Lists of profiles."""

    vendor = VENDOR
    address = "https://a.klaviyo.com"
    missing = "the private API key is missing (password)."
    batch_size = 1000
    lists_everybody = True

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._lists: dict[str, str] = {}

    def login(self, connection: Connection) -> dict[str, Any]:
        """The key, the revision of the API, and its own media type."""
        headers = {
            "Authorization": f"Klaviyo-API-Key {connection.password}",
            "revision": REVISION,
            "Accept": "application/vnd.api+json",
            "Content-Type": "application/vnd.api+json",
        }
        return {"headers": headers}

    def prepare(self, audience: Audience) -> None:
        """Create the list if it does not exist."""
        if self._list(audience) is None:
            list_ = {"type": "list", "attributes": {"name": list_name(audience)}}
            answer = self._client.json("POST", "/api/lists", json={"data": list_})
            self._lists[audience.key] = str(answer["data"]["id"])

    def upsert(self, batch: Batch) -> Sequence[Result] | Job:
        """Start an import of the profiles into the list."""
        if not batch.people:
            return []
        profiles = [_profile(person) for person in batch.people]
        return self._import(profiles, self._list(batch.audience))

    def poll(self, job: Job, batch: Batch) -> Sequence[Result] | None:
        """The answers of an import that has come to its end."""
        found = self._client.json("GET", f"{JOBS}/{job.id}")["data"]["attributes"]
        if found["status"] in ("queued", "processing"):
            return None
        if found["status"] != "complete":
            return [Result(p.customer_id, error=str(found["status"])) for p in batch.people]
        # The count may be null or absent; then the list of errors says whether there are any.
        failed = found.get("failed_count")
        errors = self._errors(job, batch) if failed != 0 else {}
        if (failed or 0) > len(errors):
            unclear = "the job failed for somebody and did not say for whom"
            errors = {p.customer_id: errors.get(p.customer_id, unclear) for p in batch.people}
        ids = self._ids([p for p in batch.people if p.customer_id not in errors])
        return results(batch, errors, ids)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take people off the list, and clear what no other list sends."""
        ids = {p.customer_id: p.remote_id for p in batch.people if p.remote_id}
        ids |= self._ids([p for p in batch.people if not p.remote_id])
        if ids and self._list(batch.audience) is not None:
            members = [{"type": "profile", "id": id} for id in sorted(ids.values())]
            path = f"/api/lists/{self._list(batch.audience)}/relationships/profiles"
            self._client.request("DELETE", path, json={"data": members}, ok=(404,))
        cleared = [
            _clearing(ids[p.customer_id], p)
            for p in batch.people
            if p.traits and p.customer_id in ids
        ]
        if cleared:
            self._import(cleared, None)
        return results(batch, {}, ids)

    def contacts(self) -> Iterator[Contact]:
        """Every profile, with what it says about marketing by e-mail."""
        params = {"additional-fields[profile]": "subscriptions", "page[size]": 100}
        for profile in self._walk("/api/profiles", params):
            yield _contact(profile)

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Everybody on the list."""
        if self._list(audience) is None:
            return iter(())
        path = f"/api/lists/{self._list(audience)}/profiles"
        return map(_contact, self._walk(path, {"page[size]": 100}))

    def erase(self, person: Person) -> str:
        """By id only: by address every profile that has it would go."""
        ids = {person.remote_id} if person.remote_id else set()
        ids |= set(self._ids([person]).values())
        for id in sorted(ids):
            profile = {"data": {"type": "profile", "id": id, "attributes": {}}}
            data = {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}
            self._client.request("POST", "/api/data-privacy-deletion-jobs", json={"data": data})
        return "deletion asked for" if ids else "not there"

    def _import(self, profiles: list[dict[str, Any]], list_id: str | None) -> Job:
        data: dict[str, Any] = {
            "type": "profile-bulk-import-job",
            "attributes": {"profiles": {"data": profiles}},
        }
        if list_id is not None:
            data["relationships"] = {"lists": {"data": [{"type": "list", "id": list_id}]}}
        answer = self.ask_for_all(
            "POST",
            JOBS,
            json={"data": data},
            why=lambda body: code((body.get("errors") or [{}])[0].get("code")),
            refused=(400, 409, 413, 422),
        )
        return Job(str(answer.json()["data"]["id"]))

    def _errors(self, job: Job, batch: Batch) -> dict[str, str]:
        """The reason of each refused row, by the number or the id that the error has."""
        ids = {person.customer_id for person in batch.people}
        found = {}
        for error in self._walk(f"{JOBS}/{job.id}/import-errors", {"page[size]": 100}):
            told = error["attributes"]
            number = re.search(
                r"/profiles/data/(\d+)", (told.get("source") or {}).get("pointer") or ""
            )
            if number and int(number[1]) < len(batch.people):
                customer_id = batch.people[int(number[1])].customer_id
            else:
                customer_id = str((told.get("original_payload") or {}).get("external_id"))
            if customer_id in ids:
                found[customer_id] = code(told.get("code"))
        return found

    def _ids(self, people: Sequence[Person]) -> dict[str, str]:
        """Klaviyo's ids of people, by our present or former ones, a hundred a call."""
        wanted = {id: p.customer_id for p in people for id in (*p.aliases, p.customer_id)}
        keys, found = sorted(wanted), {}
        for start in range(0, len(keys), 100):
            some = json.dumps(keys[start : start + 100], separators=(",", ":"))
            params = {"filter": f"any(external_id,{some})", "page[size]": 100}
            for profile in self._walk("/api/profiles", params):
                found[wanted[profile["attributes"]["external_id"]]] = str(profile["id"])
        return found

    def _list(self, audience: Audience) -> str | None:
        if audience.key not in self._lists:
            params = {"filter": f"equals(name,{json.dumps(list_name(audience))})"}
            for list_ in self._walk("/api/lists", params):
                self._lists[audience.key] = str(list_["id"])
        return self._lists.get(audience.key)

    def _walk(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        tokens, query = PageTokens(f"klaviyo {path}"), dict(params)
        while True:
            page = self._client.json("GET", path, params=query)
            yield from page["data"]
            following = (page.get("links") or {}).get("next")
            cursor = re.search(r"page(?:%5B|\[)cursor(?:%5D|\])=([^&]+)", following or "")
            if cursor is None:
                return
            query["page[cursor]"] = tokens.check(cursor[1])


def list_name(audience: Audience) -> str:
    """The list of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _profile(person: Person) -> dict[str, Any]:
    """Only what is known is sent: null would clear a field, absence leaves it."""
    first, _, last = (person.full_name or "").partition(" ")
    fields = {
        "external_id": person.customer_id,
        "email": person.email,
        "phone_number": person.phone,
        "first_name": first,
        "last_name": last,
    }
    traits = {f"rapport_{n}": v for n, v in sorted(person.traits.items()) if v is not None}
    attributes = {key: value for key, value in fields.items() if value} | {"properties": traits}
    cleared = [f"rapport_{name}" for name, value in sorted(person.traits.items()) if value is None]
    profile: dict[str, Any] = {"type": "profile", "attributes": attributes}
    if cleared:
        profile["meta"] = {"patch_properties": {"unset": cleared}}
    return profile


def _clearing(id: str, person: Person) -> dict[str, Any]:
    unset = {"patch_properties": {"unset": [f"rapport_{name}" for name in sorted(person.traits)]}}
    return {"type": "profile", "id": id, "attributes": {}, "meta": unset}


def _contact(profile: Mapping[str, Any]) -> Contact:
    told = profile["attributes"]
    marketing = ((told.get("subscriptions") or {}).get("email") or {}).get("marketing") or {}
    says = {
        SAYS.get(str(entry.get("reason")).upper(), "unsubscribed")
        for entry in marketing.get("suppression") or []
    }
    if marketing.get("consent") == "UNSUBSCRIBED":
        says.add("unsubscribed")
    kinds = tuple(sorted(says))
    return Contact(str(profile["id"]), told.get("external_id"), told.get("email"), kinds)
