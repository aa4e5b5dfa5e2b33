"""The commands that lead out, with the environment's path in them; nothing here runs any."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.snapshot import Snapshot

_DEFAULTS = re.compile(r"^https://repo\.(?:anaconda\.com|continuum\.io)/pkgs/")
_WELL_KNOWN = "https://conda.anaconda.org/"
NOWHERE = "Install it again from where it came from; nothing here says where that is."


def quote(word: str) -> str:
    """One word as a shell of this system takes it, and as a terminal shows it."""
    if os.name == "nt":
        return f'"{word}"' if re.search(r"[\s&|<>^%]", word) else word
    return shlex.quote(word) if word.isprintable() else _escaped(word)


def _escaped(word: str) -> str:
    r"""`$'\x1b'`, as bash, zsh and ksh read it (POSIX 2024, "Dollar-Single-Quotes"): no terminal obeys it."""
    try:
        data = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name of a file
        data = word.encode("utf-8", "replace")
    safe = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in data)  # noqa: PLR2004
    return f"$'{''.join(safe)}'"


def pip(prefix: str, verb: str, *words: str) -> str:
    """A command of the environment's own pip, `install` or `uninstall`; of uv, where the environment has no pip.

    One that the mark of PEP 668 does not stop.
    """
    python = os.path.join(prefix, "python.exe") if os.name == "nt" else os.path.join(prefix, "bin", "python")
    library = _library(python)
    marked = ["--break-system-packages"] if os.path.exists(os.path.join(library, "EXTERNALLY-MANAGED")) else []
    site = os.path.join(library, "site-packages")
    if os.path.isdir(site) and not os.path.isdir(os.path.join(site, "pip")):
        command = ["uv", "pip", verb, "--python", quote(python)]
        words = tuple(word for word in words if word not in {"-y", "--ignore-installed"})  # what uv does anyway
    else:
        command = [quote(python), "-m", "pip", verb]
    return " ".join([*command, *marked, *map(quote, words)])


def pip_again(prefix: str, dist: Distribution, *options: str) -> str | None:
    """Have pip install exactly this again, from where it came from; None where nothing says where that is.

    By its name pip would take a stranger's package from an index.
    """
    return pip(prefix, "install", *options, *dist.again) if dist.again else None


def pip_anew(prefix: str, dist: Distribution, *options: str) -> str:
    """`pip_again` whatever stands there now; where nothing says where it came from, that sentence."""
    return pip_again(prefix, dist, "--force-reinstall", *options, "--no-deps") or NOWHERE


def _library(python: str) -> str:
    """The folder of Python's standard library."""
    real = os.path.realpath(python)
    if os.name == "nt":
        return os.path.join(os.path.dirname(real), "Lib")
    # bin/python is a link to bin/python3.12, which has its modules in lib/python3.12.
    return os.path.join(os.path.dirname(os.path.dirname(real)), "lib", os.path.basename(real))


def conda(prefix: str, verb: str, *words: str) -> str:
    """A conda command for the environment; one that the mark of CEP 22 does not stop."""
    frozen = os.path.exists(os.path.join(prefix, "conda-meta", "frozen"))
    marked = ["--override-frozen"] if frozen else []
    return " ".join(["conda", verb, "-p", quote(prefix), *marked, *map(quote, words)])


def conda_reinstall(prefix: str, record: Record) -> str:
    """Have conda link exactly this package again."""
    spec = f"{record.name}={record.version}={record.build}"
    return conda(prefix, "install", "--force-reinstall", *channel_words(record.channel), spec)


def channel_words(channel: str) -> list[str]:
    """`-c CHANNEL` where a record's channel is one that the user's configuration may lack; never with a secret."""
    if not channel or _DEFAULTS.match(channel) or channel in {"defaults", "<unknown>"}:
        return []
    if strip_credentials(channel) != channel:
        return []
    # Records name the channel with its subdir: URL/linux-64.
    base = re.sub(r"/(?:noarch|(?:linux|osx|win|emscripten|wasi)-[A-Za-z0-9_]+)/?$", "", channel)
    return ["-c", base.removeprefix(_WELL_KNOWN)]


def uninstall_then_reinstall(prefix: str, names: Iterable[str], record: Record) -> tuple[str, ...]:
    """conda's build back in place of what pip wrote: in this order, the other one leaves both versions' files."""
    return pip(prefix, "uninstall", "-y", *names), conda_reinstall(prefix, record)


def whole(snapshot: Snapshot, dist: Distribution) -> tuple[str, ...]:
    """What makes a distribution whole again; of what was installed over conda's, conda's package."""
    record = snapshot.record_of(dist)
    if record is None:
        return (pip_anew(snapshot.prefix, dist),)
    return uninstall_then_reinstall(snapshot.prefix, [dist.name], record)


def uninstall_all(prefix: str, name: str, times: int) -> str:
    """Uninstall every distribution of one name, in one line: pip takes one at a time, uv all of them."""
    once = pip(prefix, "uninstall", "-y", name)
    return once if once.startswith("uv ") else " && ".join([once] * times)


def delete(prefix: str, paths: Iterable[str]) -> str:
    """Delete files and folders of the environment."""
    absolute = [quote(os.path.join(prefix, *path.split("/"))) for path in paths]
    return " ".join(["rmdir /s /q" if os.name == "nt" else "rm -r", *absolute])


def move(prefix: str, path: str, new: str) -> str:
    """Move a file within the environment."""
    words = [quote(os.path.join(prefix, *each.split("/"))) for each in (path, new)]
    return " ".join(["move" if os.name == "nt" else "mv", *words])
