"""Where a visit came from, as an event of Google Analytics 4 says it.

https://developers.google.com/analytics/bigquery/traffic-attribution-data

An export says it in up to four records. Source, medium and campaign are taken from one of them: the
first that says anything.

1. `collected_traffic_source`: the UTM parameters of this event's page.
2. The click id of an ad of Google's: google / cpc. Google names such a visit google / organic in
   its parameters, so the id comes before them and before `google / organic`.
3. `session_traffic_source_last_click`: what Google counts the session to.
4. The event's parameters `source`, `medium` and `campaign`.
5. `traffic_source`, which is where the user first came from: in the user's first session only.

>>> traffic({"collected_traffic_source": {"gclid": "x"}}, {})
('google', 'cpc', None)
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Google's words for nothing: https://support.google.com/analytics/answer/13504892
NOTHING = {
    "", "(none)", "(not set)", "(direct)", "(data not available)", "(not provided)", "<other>",
    "(other)", "data not available", "not set",
}  # fmt: skip
CLICK_IDS = ("gclid", "wbraid", "gbraid")
_CLICKED = re.compile(r"[?&](?:gclid|wbraid|gbraid)=[^&#]")
FIRST = ("first_visit", "first_open")
Traffic = tuple[str | None, str | None, str | None]


def traffic(event: Mapping[str, Any], params: Mapping[str, Any]) -> Traffic:
    """Source, medium and campaign; None for each that is not said."""
    clicked = _is_ad(event, params)
    for source, medium, campaign in _said(event, params, clicked):
        if source or medium or campaign:
            if clicked and source in (None, "google") and medium in (None, "organic"):
                return "google", "cpc", campaign
            return source, medium, campaign
    return None, None, None


def given(value: Any) -> Any:
    """The value, None for a word of Google's that means nothing."""
    return None if isinstance(value, str) and value.strip().lower() in NOTHING else value


def _said(event: Mapping[str, Any], params: Mapping[str, Any], clicked: bool) -> Iterator[Traffic]:
    collected = event.get("collected_traffic_source") or {}
    yield _read(collected, "manual_source", "manual_medium", "manual_campaign_name")
    session = event.get("session_traffic_source_last_click") or {}
    ads = given((session.get("google_ads_campaign") or {}).get("campaign_name"))
    if clicked or ads:
        yield "google", "cpc", ads
    for record in ("cross_channel_campaign", "manual_campaign"):
        yield _read(session.get(record) or {}, "source", "medium", "campaign_name")
    yield _read(params, "source", "medium", "campaign")
    if event.get("event_name") in FIRST or str(params.get("ga_session_number")) == "1":
        yield _read(event.get("traffic_source") or {}, "source", "medium", "name")


def _read(record: Mapping[str, Any], source: str, medium: str, campaign: str) -> Traffic:
    return given(record.get(source)), given(record.get(medium)), given(record.get(campaign))


def _is_ad(event: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    collected = event.get("collected_traffic_source") or {}
    if any(given(collected.get(name)) or given(params.get(name)) for name in CLICK_IDS):
        return True
    return _CLICKED.search(str(params.get("page_location") or "")) is not None
