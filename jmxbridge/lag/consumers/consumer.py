"""A consumer's own metrics, as last read over JMX."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer of one target. `time_ns` is the poll that last read it.

    `host` is the address under which we reach its JVM. `lag_max` is its records-lag-max, the
    records it has still to fetch on its worst partition; None where it is NaN, as it is a while
    after the last fetch. `gone` says why it cannot be read any more, None while it can.
    """

    client_id: str
    target: str
    time_ns: int
    host: str | None = None
    lag_max: float | None = None
    consumed_total: float | None = None
    consumed_rate: float | None = None
    gone: str | None = None
