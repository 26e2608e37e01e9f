"""Points, and the tags that points of one series share."""

from jmxbridge.point import KeptTags, Point


def test_kept_tags_are_a_dict_of_their_own() -> None:
    """They equal the tags they were made of and do not change with them."""
    tags = {"topic": "orders"}
    kept = KeptTags(tags)
    tags["topic"] = "other"
    assert kept == {"topic": "orders"}
    assert kept.encoded is None


def test_points_are_compared_by_value() -> None:
    """Kept tags or a plain dict: the same point."""
    tags = {"topic": "orders"}
    assert Point("m", KeptTags(tags), {"x": 1.0}, 1) == Point("m", tags, {"x": 1.0}, 1)
