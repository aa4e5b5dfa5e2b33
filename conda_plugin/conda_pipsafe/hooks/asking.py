"""The question of the mode `prompt`, and what is said when the answer is no or nobody can be asked."""

from __future__ import annotations

CANNOT_ASK = (
    "conda-pipsafe: stopped; nothing was changed. This was not known before conda asked, and now nobody can be asked.\n"
    "  run the command again: what it brings is downloaded now, and so the question comes first; or go on without a\n"
    "  question:  CONDA_PLUGINS_PIPSAFE_MODE=warn conda ..."
)

STOPPED = "conda-pipsafe: stopped at your word; nothing was changed"


def confirmed() -> bool:
    """Ask whether to go on; no answer is a no."""
    try:
        answer = input("conda-pipsafe: go on all the same? (y/[n]) ")
    except EOFError:
        return False
    return answer.strip().lower() in {"y", "yes"}
