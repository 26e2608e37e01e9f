"""Outcomes of one request to InfluxDB: an HTTP answer, or the reason why none came."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer; `body` may be cut, `version` is the server's own header.

    `date` is the server's clock, in the format of RFC 9110, 5.6.7.
    """

    status: int
    body: str = ""
    content_type: str = ""
    retry_after: str | None = None
    location: str | None = None
    version: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A request without an answer: `kind` is one word, `text` the reason for people."""

    kind: str
    text: str


Outcome = HttpAnswer | NoAnswer
