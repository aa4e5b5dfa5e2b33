"""A baseline: findings that are known, so that only what is new fails.

A finding is known when the baseline of its environment has one of the same code and subject whose paths include all
of its own: more missing files of the same package are news, fewer are not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.errors import PipsafeError

FORMAT = 1
_Known = Mapping[tuple[str, str], tuple[frozenset[str], ...]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of each environment.

    Attributes:
        environments: By absolute path of the prefix: code and subject to the paths of each such finding.
    """

    environments: Mapping[str, _Known]

    def known(self, prefix: str) -> _Known:
        """What is known of an environment: by its path, else by its name where only one has it.

        The second is for a baseline that is checked in and used on machines that keep environments elsewhere.
        """
        if prefix in self.environments:
            return self.environments[prefix]
        name = os.path.basename(prefix)
        alike = [known for path, known in self.environments.items() if os.path.basename(path) == name]
        return alike[0] if len(alike) == 1 else {}

    def split(self, prefix: str, findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """Part findings into new and known ones."""
        known = self.known(prefix)
        new: list[Finding] = []
        old: list[Finding] = []
        for finding in findings:
            before = known.get((finding.code, finding.subject), ())
            paths = frozenset(finding.paths)
            (old if any(paths <= earlier for earlier in before) else new).append(finding)
        return tuple(new), tuple(old)


def baseline_value(found: Mapping[str, Iterable[Finding]]) -> dict[str, Any]:
    """The findings of environments as the JSON values of a baseline file."""
    return {
        "format": FORMAT,
        "environments": {
            prefix: [{"code": item.code, "subject": item.subject, "paths": list(item.paths)} for item in findings]
            for prefix, findings in found.items()
        },
    }


def write_baseline(path: str, found: Mapping[str, Iterable[Finding]]) -> None:
    """Write a baseline file.

    Raises:
        PipsafeError: When it cannot be written.
    """
    text = json.dumps(baseline_value(found), indent=1, ensure_ascii=True) + "\n"
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        raise PipsafeError(f"the baseline {path} cannot be written: {error.strerror}") from error


def read_baseline(path: str) -> Baseline:
    """Read a baseline file.

    Raises:
        PipsafeError: When it is not there or not a baseline; says how to make one.
    """
    hint = f"`pipsafe audit --write-baseline {path}` makes one"
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except OSError as error:
        raise PipsafeError(f"the baseline {path} cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise PipsafeError(f"the baseline {path} is not JSON", hint=hint) from error
    try:
        if data["format"] != FORMAT:
            raise PipsafeError(f"the baseline {path} has format {data['format']!r}, not {FORMAT}", hint=hint)
        return Baseline({str(prefix): _known(items) for prefix, items in data["environments"].items()})
    except (LookupError, TypeError, AttributeError) as error:
        raise PipsafeError(f"{path} is not a baseline of pipsafe", hint=hint) from error


def _known(items: Iterable[Mapping[str, Any]]) -> _Known:
    found: dict[tuple[str, str], tuple[frozenset[str], ...]] = {}
    for item in items:
        identity = (str(item["code"]), str(item["subject"]))
        found[identity] = (*found.get(identity, ()), frozenset(map(str, item["paths"])))
    return found
