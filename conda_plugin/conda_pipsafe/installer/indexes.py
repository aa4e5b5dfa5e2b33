"""Which index an artifact came from: pip's report names the artifact alone.

Told only where it is sure: the artifact lies on the index's own host, is PyPI's, or there is one index and no other.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from conda_pipsafe.installer.pip_settings import config_files
from conda_pipsafe.prefix.patterns import lazy

PYPI = "https://pypi.org/simple"
_FILES = ("-r", "--requirement", "-c", "--constraint")
_OPTION = lazy(
    r"(-i|--index-url|--pypi-url|--extra-index-url|-f|--find-links|-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=^-\w))(\S+)"
)
_VARIABLE = lazy(r"\$\{([A-Z0-9_]+)\}")  # pip's own rule
_HOSTS = {"files.pythonhosted.org": "pypi.org", "test-files.pythonhosted.org": "test.pypi.org"}


def indexes_in_use(prefix: str, words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The addresses that pip looks at: the command line first, then variables, then files, then PyPI.

    Args:
        prefix: Absolute path of the environment.
        words: pip's arguments, an option and its value apart or joined by `=`.
        environ: The variables that pip runs with.

    Returns:
        Index addresses, credentials and all; empty with `--no-index`.
    """
    if "--no-index" in words or environ.get("PIP_NO_INDEX", "").lower() in {"1", "true", "yes", "on"}:
        return ()
    settings = _settings_of_files(prefix, environ)
    main = [*_values(words, "--index-url", "-i")][-1:]
    main = main or [environ.get("PIP_INDEX_URL") or settings.get("index-url") or PYPI]
    extra = [*_values(words, "--extra-index-url")]
    extra = extra or (environ.get("PIP_EXTRA_INDEX_URL") or settings.get("extra-index-url") or "").split()
    # A requirements file's `--index-url` takes the place of all others, its `--extra-index-url` is added.
    named = _of_requirements(words, environ)
    found = [named.main] if named.main else [*main, *extra]
    return tuple(dict.fromkeys(url.rstrip("/") for url in (*found, *named.extra)))


def other_places(words: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether pip's arguments name places that are no index: `--find-links`, also in a requirements file.

    Args:
        words: As `indexes_in_use` has them.
        environ: The variables that pip runs with.
    """
    return any(word.startswith(("-f", "--find-links")) for word in words) or _of_requirements(words, environ).places


def uv_indexes_in_use(words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The addresses that uv looks at, as far as the command line and variables tell.

    Args:
        words: uv's arguments.
        environ: The variables that uv runs with.
    """
    found = [*_values(words, "--default-index", "--index-url", "-i", "--index", "--extra-index-url")]
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        found += environ.get(name, "").split()
    # An index may be named: `--index name=https://…`.
    found = [re.sub(r"^[\w.-]+=(?=https?://)", "", url).rstrip("/") for url in found]
    return tuple(dict.fromkeys([*found, PYPI]))


def index_of(artifact: str | None, indexes: Sequence[str], *, only: bool) -> str | None:
    """The index that an artifact came from; None where that is not sure.

    Args:
        artifact: Its address.
        indexes: As `indexes_in_use` gives them.
        only: Nothing else (`--find-links`, a requirements file with its own options) could have given it.
    """
    if artifact is None or urlsplit(artifact).scheme not in {"http", "https"}:
        return None
    host = urlsplit(artifact).hostname or ""
    wanted = _HOSTS.get(host, host)
    matching = [index for index in indexes if urlsplit(index).hostname == wanted]
    if len(matching) == 1:
        return matching[0]
    return indexes[0] if only and len(indexes) == 1 else None


@dataclass(slots=True)
class _Named:
    """What requirements files say of where packages are; `places`: also of what is no index, or cannot be read."""

    main: str | None
    extra: list[str]
    places: bool = False


def _of_requirements(words: Sequence[str], environ: Mapping[str, str]) -> _Named:
    named = _Named(None, [])
    waiting = list(_values(words, *_FILES))
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        lines = _lines(path)
        named.places = named.places or lines is None
        for line in lines or ():
            for option, value in _OPTION.findall(_VARIABLE.sub(lambda match: environ.get(match[1], match[0]), line)):
                if option in _FILES:
                    waiting.append(os.path.join(os.path.dirname(path), value))
                elif option in {"-f", "--find-links"}:
                    named.places = True
                elif option == "--extra-index-url":
                    named.extra.append(value)
                else:
                    named.main = value
    return named


def _lines(path: str) -> list[str] | None:
    """The lines of a requirements file that begin with an option; None when it cannot be read, or lies elsewhere."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            lines = file.read().replace("\\\n", " ").splitlines()
    except (OSError, ValueError):
        return None
    return [text for line in lines if (text := re.sub(r"(^|\s)#.*", "", line).strip()).startswith("-")]


def _values(words: Sequence[str], *options: str) -> Iterator[str]:
    for position, word in enumerate(words):
        name, joined, value = word.partition("=")
        if name in options and joined and name.startswith("--"):
            yield value
        elif word in options and position + 1 < len(words):
            yield words[position + 1]


def _settings_of_files(prefix: str, environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in config_files(prefix, environ):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, ValueError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({name.lower().replace("_", "-"): value for name, value in parser.items(section)})
    return found
