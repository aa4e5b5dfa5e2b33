"""The audit's settings of conda's configuration, where no conda is there to be asked.

`plugins: pipsafe_audit_select`, `pipsafe_audit_ignore`, `pipsafe_audit_fail_on`, from the files that conda would read
(docs.conda.io, "Searching for .condarc") and from `CONDA_PLUGINS_…` variables. Lists of several files are joined, of a
word the last one counts, as in conda. Without a YAML parser only plain writing is understood: a block with lists of
lines or in brackets, or JSON; of anything else it is said that it was not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

START = "pipsafe_audit_"
LISTS, WORD = ("select", "ignore"), "fail_on"
_SYSTEM = ("C:/ProgramData/conda",) if os.name == "nt" else ("/etc/conda", "/var/lib/conda")
_YAML = (".yml", ".yaml")


class Settings(NamedTuple):
    """What conda's configuration says of the audit.

    Attributes:
        fail_on: As written, so it may be none of the severities.
        notes: Sentences for people: what could not be read.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str | None = None
    notes: tuple[str, ...] = ()


def read_settings(roots: Iterable[str]) -> Settings:
    """Read them.

    Args:
        roots: Root prefixes of installations of conda, whose `.condarc` counts.
    """
    found: dict[str, list[str]] = {}
    notes: list[str] = []
    for path in files(roots):
        text = _text(path)
        if START not in text:
            continue
        values = _of_json(text) if text.lstrip().startswith("{") else _of_lines(text)
        if values is None:
            notes.append(
                f"{START}… of {path} is not read without conda: it is not plain YAML; `conda pipsafe audit` does"
            )
            continue
        for name, words in values.items():
            found[name] = words if name == WORD else [*found.get(name, []), *words]
    for name in (*LISTS, WORD):
        if said := os.environ.get(f"CONDA_PLUGINS_{START}{name}".upper()):
            words = [word.strip() for word in said.split(",") if word.strip()]
            found[name] = words if name == WORD else [*words, *found.get(name, [])]
    word = found.get(WORD, [])
    return Settings(
        tuple(found.get("select", ())), tuple(found.get("ignore", ())), ",".join(word) or None, tuple(notes)
    )


def files(roots: Iterable[str]) -> Iterator[str]:
    """The files that conda would read where they are there, the weakest first."""
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME")
    folders = [
        *_SYSTEM,
        *roots,
        os.path.join(config, "conda") if config else "",
        os.path.join(home, ".config", "conda"),
    ]
    for folder in (*filter(None, folders), os.path.join(home, ".conda")):
        yield from _of_folder(folder)
    yield os.path.join(home, ".condarc")
    if prefix := os.environ.get("CONDA_PREFIX"):
        yield from _of_folder(prefix)
    if named := os.environ.get("CONDARC"):
        yield os.path.expanduser(named)


def _of_folder(folder: str) -> Iterator[str]:
    yield os.path.join(folder, ".condarc")
    yield os.path.join(folder, "condarc")
    inner = os.path.join(folder, "condarc.d")
    try:
        names = sorted(os.listdir(inner))
    except OSError:
        return
    yield from (os.path.join(inner, name) for name in names if name.endswith(_YAML))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _of_json(text: str) -> dict[str, list[str]] | None:
    import json

    try:
        plugins = json.loads(text).get("plugins", {})
        chosen = {key: value for key, value in plugins.items() if key.startswith(START)}
    except (ValueError, AttributeError, RecursionError):
        return None
    found = {key.removeprefix(START): [value] if isinstance(value, str) else value for key, value in chosen.items()}
    return found if _are_words(found) else None


def _are_words(found: Mapping[str, object]) -> bool:
    return all(isinstance(words, list) and all(isinstance(word, str) for word in words) for words in found.values())


def _of_lines(text: str) -> dict[str, list[str]] | None:
    """Our keys of the block `plugins`; None where one is not plain, or stands elsewhere."""
    found: dict[str, list[str]] = {}
    block, current = False, None
    for raw in text.splitlines():
        line = raw.partition(" #")[0].rstrip()
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if not line[0].isspace() and not words.startswith("-"):
            block, current = words == "plugins:", None
            if START in words:
                return None
        elif words.startswith("-") and current is not None:
            found[current].append(_word(words[1:]))
        elif START in words:
            key, colon, value = words.partition(":")
            if not (block and colon and key.startswith(START)) or value.strip()[:1] in {"{", "&", "*", "|", ">", "!"}:
                return None
            current = key.removeprefix(START)
            found[current] = _values(value.strip())
        else:
            current = None
    return found


def _values(value: str) -> list[str]:
    if value.startswith("[") and value.endswith("]"):
        return [_word(item) for item in value[1:-1].split(",") if item.strip()]
    return [_word(value)] if value else []


def _word(text: str) -> str:
    return text.strip().strip("\"'")
