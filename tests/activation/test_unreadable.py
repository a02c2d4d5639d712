"""A definition that cannot be read keeps its last good version, and never sends more."""

from pathlib import Path
from typing import Any

import pytest

from rapport.activation.segments.declarations import Definitions, load

PROBLEM = "models/segments/seg_readers.yml:9: purpose: input should be 'marketing'"


@pytest.fixture
def broken(world: Any) -> Any:
    """Ann and Bob are readers; then the file of the segment breaks, and Cid and Dan come."""
    world.customers("ann", "bob", "cid", "dan")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.members("readers", "ann", "bob", "cid", "dan")
    breaks(world, "readers")
    return world


def breaks(world: Any, key: str) -> None:
    world.segments.pop(key, None)
    world.problems[f"seg_{key}"] = PROBLEM


def test_who_withdraws_leaves_and_nobody_is_added(broken: Any) -> None:
    broken.consent("bob", False)
    counts = broken.night()["readers"]
    assert broken.tool.on("readers") == ["ann"]
    assert counts["cause"] == PROBLEM


def test_who_left_by_the_last_good_definition_leaves(broken: Any) -> None:
    from rapport.activation.segments.definitions import recall

    broken.members("readers", "ann", "cid")
    broken.night_number += 1
    broken.pull()
    known = recall(broken.connection, broken.definitions)
    broken.evaluate(known.segments["readers"])
    broken.plan(evaluate=False)
    broken.push()
    assert broken.tool.on("readers") == ["ann"]
    assert broken.reasons("readers") == {"cid": "unreadable_definition"}


def test_a_broken_file_is_not_a_deleted_one_even_where_no_version_was_kept(broken: Any) -> None:
    broken.connection.execute("truncate segments.definitions")
    broken.consent("bob", False)
    broken.night()
    assert broken.tool.on("readers") == ["ann"]
    broken.night()
    assert broken.tool.on("readers") == ["ann"]


@pytest.fixture
def suppressor(world: Any) -> Any:
    world.customers("ann", "bob", "cid")
    world.segment("open_ticket", ["ann"], purpose="service", suppresses=["marketing"])
    world.segment("readers", ["ann", "bob"])
    world.segment("billing", [], purpose="service")
    world.night()
    world.members("readers", "ann", "bob", "cid")
    world.members("billing", "ann")
    return world


def test_a_suppressor_that_breaks_goes_on_holding_back_and_freezes_adds(suppressor: Any) -> None:
    breaks(suppressor, "open_ticket")
    counts = suppressor.night()["readers"]
    assert suppressor.tool.on("readers") == ["bob"]
    assert suppressor.reasons("readers") == {"ann": "open_ticket", "cid": "suppressor_unknown"}
    assert "open_ticket holds people back from it" in counts["cause"]
    assert suppressor.tool.on("billing") == ["ann"]


def test_a_suppressor_that_is_frozen_freezes_adds(suppressor: Any) -> None:
    suppressor.frozen["open_ticket"] = "tickets of zendesk are stale"
    suppressor.night()
    assert suppressor.tool.on("readers") == ["bob"]
    assert suppressor.reasons("readers")["cid"] == "suppressor_unknown"


def test_a_large_removal_waits_also_while_a_list_may_not_add(suppressor: Any) -> None:
    people = [f"p{number}" for number in range(6)]
    suppressor.customers(*people)
    suppressor.members("readers", *people)
    suppressor.night()
    breaks(suppressor, "open_ticket")
    suppressor.members("readers")
    suppressor.night()
    assert suppressor.tool.on("readers") == people


def test_a_file_that_was_never_readable_freezes_the_adds_of_campaigns(suppressor: Any) -> None:
    breaks(suppressor, "strikes")
    suppressor.doubtful = frozenset(["seg_strikes"])
    counts = suppressor.night()["readers"]
    assert suppressor.tool.on("readers") == ["bob"]
    assert "was never readable" in counts["cause"]
    assert suppressor.tool.on("billing") == ["ann"]


GOOD = """
models:
  - name: seg_open_ticket
    config:
      meta:
        segment:
          key: open_ticket
          name: Open ticket
          description: People who wait for an answer of ours.
          owner: tests
          purpose: service
          channel: email
          destinations: [files]
          size_band: [0, 100]
          expires: 2028-12-31
          needs: [conversations]
"""


def read(tmp_path: Path, text: str) -> Definitions:
    (tmp_path / "seg_open_ticket.yml").write_bytes(text.encode() if isinstance(text, str) else text)
    (tmp_path / "seg_open_ticket.sql").write_text("select 1\n")
    (tmp_path / "seg_other.yml").write_text(GOOD.replace("open_ticket", "other"))
    (tmp_path / "seg_other.sql").write_text("select 1\n")
    return load(tmp_path)


@pytest.mark.parametrize(
    ("find", "put", "line"),
    [
        ("2028-12-31", "2028-13-31", 15),
        ("2028-12-31", "2028-02-30 25:61:00", 15),
        ("[0, 100]", "[0, !!int many]", 1),
        ("owner: tests", "owner: tests\n          owner: others", 11),
        ("owner: tests", "owner: \xff", 0),
        ("purpose: service", "purpose: servce", 11),
    ],
)
def test_a_wrong_value_is_named_by_file_and_line_and_harms_one_segment(
    tmp_path: Path, find: str, put: str, line: int
) -> None:
    text = GOOD.replace(find, put)
    definitions = read(tmp_path, text.encode("latin-1") if line == 0 else text)  # type: ignore[arg-type]
    assert list(definitions.segments) == ["other"]
    problem = definitions.problems["seg_open_ticket"]
    assert f"seg_open_ticket.yml:{line or 10}:" in problem


@pytest.mark.parametrize(
    ("find", "put", "is_doubtful"),
    [
        ("needs:", "suppresses: [marketting]\n          needs:", True),
        ("needs:", "supresses: [marketing]\n          needs:", True),
        ("models:", "models: [", True),
        ("purpose: service", "purpose: servce", False),
    ],
)
def test_only_a_file_that_may_mean_to_hold_people_back_is_doubtful(
    tmp_path: Path, find: str, put: str, is_doubtful: bool
) -> None:
    definitions = read(tmp_path, GOOD.replace(find, put))
    assert (definitions.doubtful == {"seg_open_ticket"}) == is_doubtful
