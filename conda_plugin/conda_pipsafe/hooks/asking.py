"""The question of the mode `prompt`, what is said when nobody can be asked, and when it is too early to refuse."""

from __future__ import annotations

CANNOT_ASK = (
    "conda-pipsafe: stopped; nothing was changed. This was not known before conda asked, and now nobody can be asked.\n"
    "  run the command again: what it brings is downloaded now, and so the question comes first; or go on without a\n"
    "  question:  CONDA_PLUGINS_PIPSAFE_MODE=warn conda ..."
)

REFUSED_LATER = "  (mode block: if it does, the command is refused once that is downloaded, with nothing changed)"

STOPPED = "conda-pipsafe: stopped at your word; nothing was changed"


def confirmed() -> bool:
    """Ask whether to go on; no answer is a no."""
    try:
        answer = input("conda-pipsafe: go on all the same? (y/[n]) ")
    except EOFError:
        return False
    return answer.strip().lower() in {"y", "yes"}
