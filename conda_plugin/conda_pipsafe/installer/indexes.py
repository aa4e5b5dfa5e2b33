"""Which index an artifact came from: pip's report names the artifact alone.

Told only where it is sure: the artifact lies on the index's own host, is PyPI's, or there is one index and no other.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from conda_pipsafe.installer.pip_settings import config_files

PYPI = "https://pypi.org/simple"
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
    return tuple(url.rstrip("/") for url in (*main, *extra))


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
