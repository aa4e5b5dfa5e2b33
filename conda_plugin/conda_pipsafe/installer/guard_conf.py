"""The guard's lines in an environment's own pip.conf: put in, put right and taken out again, by text.

pip reads the file with `configparser` (https://pip.pypa.io/en/stable/topics/configuration/), which forgets comments and
order; so lines are added and removed, never rewritten. What is added can be told apart by itself, so that taking it out
gives the file as it was, byte for byte, though nothing of it was kept: it may hold the password of an index.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.prefix.patterns import lazy

CONSTRAINTS = "conda-meta/pipsafe/constraints.txt"
_TOKEN = lazy(r"\S*conda-meta[/\\]pipsafe[/\\]constraints\.txt")
_LINE = lazy(r"[^\n]*\n|[^\n]+")
_HEADER = lazy(r"\[(.+)\]")
_OPTION = lazy(r"\s*([^=:]+?)\s*[=:]")

_WAY_BACK = "`conda pipsafe guard off` takes it out again"
_FOR_FILE = f"# conda-pipsafe guard made this file: {_WAY_BACK}"
_FOR_SECTION = f"# conda-pipsafe guard added this section: {_WAY_BACK}"
_FOR_SETTING = f"# conda-pipsafe guard added this setting: {_WAY_BACK}"
_COMMENTS = (_FOR_FILE, _FOR_SECTION, _FOR_SETTING)


@dataclass(frozen=True, slots=True)
class _Setting:
    """One option: the lines from its name to the last that is not empty and no comment; a header has no name."""

    section: str
    option: str
    first: int
    last: int
    indent: str


def reference(path: str) -> str:
    """A path as a setting that pip and uv split at blanks can hold it: a `file:` URL where there are any.

    pip itself opens what looks like a URL; so does uv.
    """
    if not re.search(r"[\s=%#]", path):
        return path
    path = path.replace(os.sep, "/")
    return f"file://{'' if path.startswith('/') else '/'}{quote(path, safe='/:')}"


def guarded(data: bytes | None) -> str | None:
    """The guard's file that the settings name, as it stands there; None when they name none."""
    lines = _lines(_decode(data or b""))
    return next((match.group() for _, match in _ours(lines)), None)


def constraint_words(data: bytes | None) -> list[str]:
    """The files that the `constraint` which counts for `pip install` names, the guard's too."""
    lines = _lines(_decode(data or b""))
    found = {setting.section: setting for setting in _settings(lines) if setting.option == "constraint"}
    setting = found.get("install") or found.get("global")
    if setting is None:
        return []
    name = _OPTION.match(lines[setting.first])
    text = [lines[setting.first][name.end() if name else 0 :], *lines[setting.first + 1 : setting.last + 1]]
    return [word for line in text if not line.lstrip().startswith(("#", ";")) for word in line.split()]


def with_guard(data: bytes | None, path: str) -> bytes:
    """The settings with the constraints file in them.

    A `constraint` that is there is extended: pip takes the one of `[install]` in place of the one of `[global]`, so
    where only that exists it is the one.

    Args:
        data: The file's content; None when there is no file.
        path: The constraints file, absolute.

    Raises:
        PipsafeError: When pip could not read the file as it is.
    """
    text = _decode(data or b"")
    _check(text)
    ours = os.fsencode(reference(path)).decode("utf-8", "surrogateescape")
    lines = _lines(text)
    known = list(_ours(lines))
    if known:
        for number, match in known:
            lines[number] = f"{lines[number][: match.start()]}{ours}{lines[number][match.end() :]}"
        return _encode(lines)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    existing = {setting.section: setting for setting in _settings(lines) if setting.option == "constraint"}
    setting = existing.get("install") or existing.get("global")
    if setting is not None:
        return _encode(_inserted(lines, setting.last, [f"{_continuation(lines, setting)}{ours}"], newline))
    install = [setting for setting in _settings(lines) if setting.section == "install"]
    if install:
        # As deep as what follows, which else would become a part of it.
        indent = install[1].indent if len(install) > 1 else ""
        return _encode(_inserted(lines, install[0].first, [_FOR_SETTING, f"{indent}constraint = {ours}"], newline))
    comment = _FOR_FILE if data is None else _FOR_SECTION
    return _encode(_inserted(lines, len(lines) - 1, [comment, "[install]", f"constraint = {ours}"], newline))


def without_guard(data: bytes) -> bytes | None:
    """The settings as they were before, and what a person has changed since.

    Returns:
        The content; None when the file was made by the guard and holds nothing else.
    """
    lines = _lines(_decode(data))
    made = any(line.strip() == _FOR_FILE for line in lines)
    kept = _without_settings(lines)
    kept = _without_sections(kept)
    kept = [line for line in kept if line.strip() not in _COMMENTS]
    if lines and kept and not lines[-1].endswith("\n") and kept[-1] != lines[-1] and kept[-1].endswith("\n"):
        # The last line had no end when ours was put behind it.
        kept[-1] = kept[-1].removesuffix("\n").removesuffix("\r")
    return None if made and not "".join(kept).strip() else _encode(kept)


def _ours(lines: Sequence[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Where the settings name the guard's file: the line's number, and the path in it."""
    for setting in _settings(lines):
        if setting.option != "constraint":
            continue
        for number in range(setting.first, setting.last + 1):
            name = _OPTION.match(lines[number]) if number == setting.first else None
            match = _TOKEN.search(lines[number], name.end() if name else 0)
            if match and not lines[number].lstrip().startswith(("#", ";")):
                yield number, match


def _without_settings(lines: Sequence[str]) -> list[str]:
    kept = list(lines)
    spans = {setting.first: setting.last for setting in _settings(lines)}
    for number, match in _ours(lines):
        line = lines[number]
        head, tail = line[: match.start()], line[match.end() :]
        name = _OPTION.match(head) if number in spans else None
        if head[name.end() if name else 0 :].strip():
            kept[number] = head + tail.lstrip() if tail.strip() else head.rstrip() + tail
        elif tail.strip():
            kept[number] = head + tail.lstrip()
        elif name and spans[number] > number:
            kept[number] = head.rstrip() + tail  # the name stays where lines of the user's stand below it
        else:
            kept[number] = ""
    return [line for line in kept if line]


def _without_sections(lines: Sequence[str]) -> list[str]:
    """Take out a section that the guard added, unless something else stands in it now."""
    kept = list(lines)
    for number, line in enumerate(lines[:-1]):
        if line.strip() in {_FOR_FILE, _FOR_SECTION} and lines[number + 1].strip() == "[install]":
            content = lines[number + 2 :]
            until = next((at for at, later in enumerate(content) if _HEADER.fullmatch(later.strip())), len(content))
            if not any(later.strip() for later in content[:until]):
                kept[number + 1] = ""
    return [line for line in kept if line]


def _inserted(lines: Sequence[str], after: int, added: Sequence[str], newline: str) -> list[str]:
    """Lines with others behind one of them; the end of the file keeps its form."""
    text = [f"{line}{newline}" for line in added]
    if lines and not lines[after].endswith("\n"):
        before = [*lines[:after], f"{lines[after]}{newline}"]
        return [*before, *text[:-1], added[-1]]
    return [*lines[: after + 1], *text, *lines[after + 1 :]]


def _continuation(lines: Sequence[str], setting: _Setting) -> str:
    if setting.last > setting.first:
        last = lines[setting.last]
        return last[: len(last) - len(last.lstrip())]
    return f"{setting.indent}    "


def _settings(lines: Sequence[str]) -> Iterator[_Setting]:
    """Headers and options as `configparser` reads them: a deeper line belongs to the option above it."""
    section, current = "", None
    for number, line in enumerate(lines):
        value = line.strip()
        if not value or value.startswith(("#", ";")):
            continue
        indent = line[: len(line) - len(line.lstrip())]
        if current is not None and current.option and len(indent) > len(current.indent):
            current = _Setting(current.section, current.option, current.first, number, current.indent)
            continue
        if current is not None:
            yield current
            current = None
        header = _HEADER.match(value)
        option = None if header else _OPTION.match(value)
        if header:
            section = header.group(1)
            current = _Setting(section, "", number, number, indent)
        elif option:
            name = option.group(1).lower().replace("_", "-").removeprefix("--")
            current = _Setting(section, name, number, number, indent)
    if current is not None:
        yield current


def _check(text: str) -> None:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # Its message may show the line, and that a password.
        where = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [(None,)])), (None,))[0]
        raise PipsafeError(
            f"pip's settings of this environment cannot be read{f' (line {where})' if where else ''}: "
            f"{type(error).__name__}; pip fails on them as well",
            hint="mend the file, then try again",
        ) from None


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encode(lines: Sequence[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)
