"""What is refused without asking pip: where nothing may be installed, and what had better not be built."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from conda_pipsafe.installer.install import Options
from conda_pipsafe.installer.policy import NOT_FROM_PYPI, Refusal, no_program
from conda_pipsafe.prefix.files import UnreadableError, read_json
from conda_pipsafe.prefix.snapshot import Snapshot


def refused_beforehand(
    snapshot: Snapshot, options: Options, specs: Mapping[str, str] = MappingProxyType({})
) -> Refusal | None:
    """What is refused without asking pip: a frozen environment, the one that conda runs in, and PyPI's old conda.

    Args:
        snapshot: The environment.
        options: How to install.
        specs: What is asked for by name.
    """
    refusal = None if options.override_frozen else _frozen(snapshot)
    refusal = refusal or (None if options.allow_base else _base(snapshot))
    return refusal or _named_not_from_pypi(snapshot, specs, options.allowed)


def _frozen(snapshot: Snapshot) -> Refusal | None:
    """The refusal for an environment that is marked as frozen (CEP 22: `conda-meta/frozen`), or None."""
    marker = "conda-meta/frozen"
    if not snapshot.exists(marker):
        return None
    try:
        content = read_json(snapshot.prefix, marker)
    except UnreadableError:
        content = None
    said = content.get("message") if isinstance(content, dict) else None
    return Refusal(
        "frozen",
        snapshot.prefix,
        f"the environment {snapshot.prefix} is frozen ({marker})" + (f": {said}" if isinstance(said, str) else ""),
        fixes=("install into another environment (-n, -p)", "--override-frozen, if it is yours to change"),
        facts={"message": said if isinstance(said, str) else None},
    )


def _base(snapshot: Snapshot) -> Refusal | None:
    """The refusal for the environment that conda itself runs in, or None."""
    conda = snapshot.own_conda
    if conda is None:
        return None
    return Refusal(
        "base",
        snapshot.prefix,
        f"conda {conda} itself runs in {snapshot.prefix}: what pip changes there can end conda",
        fixes=(
            "To install into one of its own (-n myenv), first: conda create -n myenv python pip",
            "--allow-base, if it has to be here; conda's own packages stay guarded",
        ),
        facts={"conda": conda},
    )


def _named_not_from_pypi(snapshot: Snapshot, specs: Mapping[str, str], allowed: Collection[str]) -> Refusal | None:
    """The refusal for a `conda` that was asked for by name and is not there: its setup.py had better not be run."""
    for key in specs:
        if key in NOT_FROM_PYPI and key not in allowed and not snapshot.distributions_named(key):
            return no_program(key, f"{key} from PyPI is not the {key} that you know", snapshot)
    return None
