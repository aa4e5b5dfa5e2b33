"""What one conda command has seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conda_pipsafe.forecast.effects import Forecast
    from conda_pipsafe.forecast.outcome import Baseline
    from conda_pipsafe.prefix.snapshot import Snapshot


@dataclass
class Session:
    """State of the running command: conda runs one per process.

    Attributes:
        command: conda's name of it.
        prefix: The prefix that it is about, as far as the pre-command hook could tell.
        copied: The environment that the command copies (`create --clone`, `rename`), if it does.
        lost_in_copy: What of pip's the copy will not have.
        clean: Prefixes that the last look left without any package of pip's, unchanged since.
        sections: The environment file whose `pip:` section is looked at when the solver is done.
        said: What was already shown, so that no warning comes twice.
        before: The snapshot taken before anything changed, by prefix.
        baselines: What pip-owned paths looked like then, by prefix.
        forecasts: What was foreseen, by prefix.
    """

    command: str = ""
    prefix: str | None = None
    copied: str | None = None
    lost_in_copy: Forecast | None = None
    clean: set[str] = field(default_factory=set)
    sections: object = None
    said: set[tuple[str, str, str]] = field(default_factory=set)
    before: dict[str, Snapshot] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    forecasts: dict[str, Forecast] = field(default_factory=dict)


current = Session()


def start(command: str, prefix: str | None) -> Session:
    """Begin a command; forget the one before (conda's API may run several in one process)."""
    global current  # noqa: PLW0603 - conda gives its hooks nothing to keep state in
    current = Session(command, prefix)
    return current


def snapshot_before(prefix: str) -> Snapshot | None:
    """The prefix as it is before the command changes it, read once; None when it is not an environment yet."""
    from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, read_snapshot

    if prefix not in current.before:
        try:
            current.before[prefix] = read_snapshot(prefix)
        except NotAnEnvironmentError:
            return None
    return current.before[prefix]
