"""What one entry of the catalogue says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conda_pipsafe.audit.findings import Severity

# In which order a person should look at findings: causes first, since mending them may mend the rest.
Step = Literal["cause", "consequence", "leftover", "audit"]
STEPS: tuple[Step, ...] = ("cause", "consequence", "leftover", "audit")


@dataclass(frozen=True, slots=True)
class Entry:
    """One code.

    Attributes:
        code: `PS` and three digits; never given to another harm.
        name: kebab-case, as stable as the code.
        severity: The worst that it is reported with.
        step: Where it stands among what to do.
        title: A few words.
        meaning: What is the case now, and what goes wrong because of it.
        causes: How it comes about.
        way_out: What to do, in order.
        modes: The failure modes that it finds, by their names.
        links: Where users and maintainers describe it.
    """

    code: str
    name: str
    severity: Severity
    step: Step
    title: str
    meaning: str
    causes: str
    way_out: str
    modes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
