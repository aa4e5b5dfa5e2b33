"""The setting `plugins: pipsafe_mode`, as conda's configuration knows it."""

from __future__ import annotations

from typing import Any

from conda_pipsafe.engines.conda_context import MODES


def mode_parameter() -> Any:  # noqa: ANN401 - conda's PrimitiveParameter
    """conda's parameter object: a word of `MODES`, `warn` when it is not set."""
    from conda.common.configuration import PrimitiveParameter

    return PrimitiveParameter("warn", element_type=str, validation=_check)


def _check(value: str) -> bool | str:
    # YAML 1.1 tools write `off` as false.
    return value in MODES or value.lower() == "false" or f"must be one of: {', '.join(MODES)}"
