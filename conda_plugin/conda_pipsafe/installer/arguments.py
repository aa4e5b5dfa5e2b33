"""Split a command line into what is ours and what is pip's, which goes on verbatim and in order.

argparse cannot do it: it does not know which of pip's options take a value (`-c -q`), and refuses `-qU` and `-qr FILE`,
which pip's users type every day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy

OUR_FLAGS = {
    "--dry-run": "d", "--yes": "y", "--quiet": "q", "--verbose": "v", "--help": "h", "--json": "",
    "--override-frozen": "", "--allow-base": "", "--conda-first": "", "--no-conda-first": "",
}  # fmt: skip
OUR_VALUES = {
    "--name": "n", "--prefix": "p", "--allow-replace": "", "--report": "", "--backend": "", "--channel": "",
}  # fmt: skip
# pip 26's options of `install` and of every command that take a value; short form second.
PIP_VALUES = {
    "--requirement": "r", "--constraint": "c", "--editable": "e", "--find-links": "f", "--index-url": "i",
    "--target": "t", "--config-settings": "C", "--build-constraint": "", "--requirements-from-script": "",
    "--group": "", "--platform": "", "--python-version": "", "--implementation": "", "--abi": "", "--root": "",
    "--src": "", "--upgrade-strategy": "", "--config-setting": "", "--global-option": "", "--install-option": "",
    "--build-option": "", "--root-user-action": "", "--extra-index-url": "", "--pypi-url": "", "--no-binary": "",
    "--only-binary": "", "--all-releases": "", "--only-final": "", "--progress-bar": "", "--python": "", "--log": "",
    "--log-file": "", "--local-log": "", "--keyring-provider": "", "--proxy": "", "--retries": "", "--timeout": "",
    "--default-timeout": "", "--exists-action": "", "--trusted-host": "", "--cert": "", "--client-cert": "",
    "--cache-dir": "", "--use-feature": "", "--use-deprecated": "", "--uploaded-prior-to": "",
    "--refresh-package": "", "--resume-retries": "", "--build": "b",
}  # fmt: skip
_NAMES_SOMETHING = {"--requirement", "--editable", "--group", "--requirements-from-script"}
_REFUSED = {
    "--user": "installs into your home folder, which every environment of this Python version would then see",
    "--target": "installs outside the environment",
    "--root": "installs outside the environment",
    "--python": "would run on another Python",
}
_URL = lazy(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_NAME = lazy(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)$")
_SHORT_OURS = {short for short in OUR_FLAGS.values() if short}
_SHORT_OUR_VALUES = {short: option for option, short in OUR_VALUES.items() if short}


@dataclass(frozen=True)
class Dialect:
    """How one installer's `install` is told what to do.

    Attributes:
        values: Options that take a value, with their short form or "".
        flags: Options without a value, where an option may be abbreviated.
        refused: Options that install elsewhere, with what they would do.
        names_something: Options that name what is to be installed.
        program: What a person would call instead.
    """

    values: Mapping[str, str]
    flags: Collection[str]
    refused: Mapping[str, str]
    names_something: Collection[str]
    program: str

    def takes_value(self, letter: str) -> str | None:
        """The long name of a short option that takes a value."""
        return next((option for option, short in self.values.items() if short == letter), None)

    def unabbreviated(self, typed: str) -> str:
        """pip takes a long option by any unique beginning of it."""
        if not self.flags or typed in self.values or typed in self.refused:
            return typed
        fitting = [option for option in (*self.values, *self.refused, *self.flags) if option.startswith(typed)]
        return fitting[0] if len(set(fitting)) == 1 else typed


@dataclass(frozen=True, slots=True)
class Word:
    """One option with its value, or one word that is no option.

    Attributes:
        words: As typed (a cluster of short options taken apart).
        option: The long name of an option that takes a value, else the word; "" for a requirement.
        value: The option's value, or the requirement.
    """

    words: tuple[str, ...]
    option: str
    value: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class PipArguments:
    """What goes on to pip.

    Attributes:
        words: Verbatim and in order, without `--no-user`, which we give ourselves.
        specs: What is asked for by name on the command line: the version part by canonical name (`>=2.32`, or "").
        upgrade: Whether `--upgrade` is there.
        files: The requirements files.
        options: The long names of all options.
    """

    words: tuple[str, ...]
    specs: dict[str, str] = field(default_factory=dict)
    upgrade: bool = False
    reinstall: bool = False
    files: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def shown(self) -> tuple[str, ...]:
        """The words without credentials, for people and for the ledger."""
        return tuple(without_secrets(self.words))


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide the words after `install` into ours and pip's (or uv's, with `--backend uv`), each in order."""
    ours: list[str] = []
    pips: list[str] = []
    wants_uv = "--backend=uv" in words or ("--backend", "uv") in pairwise(words)
    for word in parse(words, UV if wants_uv else PIP, ours=True):
        (ours if word.ours else pips).extend(word.words)
    return ours, pips


def pip_arguments(words: Sequence[str], dialect: Dialect | None = None) -> PipArguments:
    """Check what is to go to pip, or to the installer of another dialect.

    Raises:
        PipsafeError: For an option that would install elsewhere (exit 4), and when nothing is asked for (exit 2).
    """
    dialect = dialect or PIP
    parsed = list(parse(words, dialect))
    for word in parsed:
        if word.option in dialect.refused:
            raise PipsafeError(
                f"{word.option} {dialect.refused[word.option]}: not done here",
                hint=f"name the environment with -n ENVIRONMENT or -p PATH; else use {dialect.program} itself",
                exit_code=Exit.REFUSED,
            )
    if not any(word.option in dialect.names_something or (not word.option and word.value) for word in parsed):
        raise PipsafeError(
            "nothing to install: name at least one requirement",
            hint="for example `install rich`, `install -r requirements.txt` or `install -e .`",
            exit_code=Exit.USAGE,
        )
    names = {word.option for word in parsed}
    return PipArguments(
        tuple(part for word in parsed for part in word.words if word.option != "--no-user"),
        _specs(parsed),
        upgrade=bool(names & {"--upgrade", "-U"}),
        reinstall=bool(names & {"--force-reinstall", "--ignore-installed", "-I", "--reinstall", "--reinstall-package"}),
        files=tuple(word.value for word in parsed if word.option == "--requirement"),
        options=frozenset(names),
    )


def named_words(words: Sequence[str], dialect: Dialect | None = None) -> tuple[list[str], list[str]]:
    """Divide what goes to pip, or to the installer of another dialect, into requirements and options.

    Raises:
        PipsafeError: For an option that names requirements: a file, a checkout, a group.
    """
    named: list[str] = []
    options: list[str] = []
    dialect = dialect or PIP
    for word in parse(words, dialect):
        if word.option in dialect.names_something:
            raise PipsafeError(
                f"{word.option} names requirements by itself",
                hint=f"install --upgrade {' '.join(word.words)}",
                exit_code=Exit.USAGE,
            )
        if word.option != "--":
            (options if word.option else named).extend(word.words)
    return named, options


def without_secrets(words: Sequence[str]) -> Iterator[str]:
    """The words with every password and token taken out."""
    secret_next = False
    for word in words:
        option, equals, value = word.partition("=")
        if secret_next or (option == "--proxy" and equals):
            # A proxy may be given without a scheme: user:password@host:port.
            bare = stripped(word if secret_next else value)
            kept = bare.rpartition("@")[2] if "://" not in bare else bare
            yield kept if secret_next else f"{option}={kept}"
        else:
            yield stripped(word)
        secret_next = word == "--proxy"


def stripped(text: str) -> str:
    """A text whose addresses have no password and no token."""
    return _URL.sub(lambda match: strip_credentials(match.group()), text)


def _specs(parsed: Sequence[Word]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in parsed:
        match = None if word.option else _NAME.match(word.value.partition(";")[0].strip())
        if match and (not match.group(2) or match.group(2)[0] in "<>=!~("):
            found[canonical_name(match.group(1))] = match.group(2).strip("() ").replace(" ", "")
    return found


def parse(words: Sequence[str], dialect: Dialect, *, ours: bool = False) -> Iterator[Word]:
    """Take words apart, in order.

    Args:
        words: What was typed after `install`.
        dialect: Whose options they are.
        ours: Tell our own options apart; else all are the installer's.
    """
    rest = iter(words)
    for word in rest:
        if word == "--":
            yield Word(("--",), "--")
            yield from (Word((more,), "", more) for more in rest)
        elif word.startswith("--"):
            yield _long(word, rest, dialect, ours=ours)
        elif word.startswith("-") and word != "-":
            yield from _cluster(word[1:], rest, dialect, ours=ours)
        else:
            yield Word((word,), "", word)


def _long(word: str, rest: Iterator[str], dialect: Dialect, *, ours: bool) -> Word:
    typed, equals, value = word.partition("=")
    if ours and (typed in OUR_FLAGS or typed in OUR_VALUES):
        taken = (word,) if equals or typed in OUR_FLAGS else (word, *_next(rest))
        return Word(taken, typed, ours=True)
    option = dialect.unabbreviated(typed)
    if equals or option not in dialect.values:
        return Word((word,), option, value)
    following = _next(rest)
    return Word((word, *following), option, following[0] if following else "")


def _cluster(letters: str, rest: Iterator[str], dialect: Dialect, *, ours: bool) -> Iterator[Word]:
    while letters:
        letter, letters = letters[0], letters[1:]
        mine = ours and (letter in _SHORT_OURS or letter in _SHORT_OUR_VALUES)
        takes = _SHORT_OUR_VALUES.get(letter) if mine else dialect.takes_value(letter)
        if takes is None:
            yield Word((f"-{letter}",), f"-{letter}", ours=mine)
            continue
        following = (letters,) if letters else _next(rest)
        value = following[0] if following else ""
        yield Word((f"-{letter}", *following), takes, value, ours=mine)
        return


def _next(rest: Iterator[str]) -> tuple[str, ...]:
    word = next(rest, None)
    return () if word is None else (word,)


_PIP_FLAGS = (
    "--no-deps", "--no-dependencies", "--pre", "--upgrade", "--force-reinstall", "--ignore-installed",
    "--ignore-requires-python", "--no-build-isolation", "--use-pep517", "--no-use-pep517", "--check-build-dependencies",
    "--break-system-packages", "--compile", "--no-compile", "--no-warn-script-location", "--no-warn-conflicts",
    "--no-index", "--prefer-binary", "--require-hashes", "--no-clean", "--debug", "--isolated", "--require-virtualenv",
    "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--no-color", "--no-python-version-warning",
    "--no-user", "--only-deps", "--no-require-hashes", "--no-proxy-env",
)  # fmt: skip
PIP = Dialect(PIP_VALUES, _PIP_FLAGS, _REFUSED, _NAMES_SOMETHING, "pip")
# uv 0.13's `pip install`; it takes no abbreviations.
UV = Dialect(
    {
        "--requirements": "r", "--requirement": "", "--constraints": "c", "--constraint": "", "--editable": "e",
        "--overrides": "", "--override": "", "--excludes": "", "--build-constraints": "b", "--build-constraint": "",
        "--find-links": "f", "--index-url": "i", "--extra-index-url": "", "--index": "", "--default-index": "",
        "--target": "t", "--python": "", "--python-version": "", "--python-platform": "", "--output-format": "",
        "--no-editable-package": "", "--extra": "", "--cert": "", "--group": "", "--no-binary": "",
        "--only-binary": "", "--no-build-package": "", "--index-strategy": "", "--keyring-provider": "",
        "--upgrade-package": "P", "--upgrade-group": "", "--resolution": "", "--prerelease": "",
        "--prerelease-package": "", "--fork-strategy": "", "--exclude-newer": "", "--exclude-newer-package": "",
        "--no-sources-package": "", "--reinstall-package": "", "--link-mode": "", "--config-setting": "C",
        "--config-settings": "", "--config-settings-package": "", "--no-build-isolation-package": "",
        "--cache-dir": "", "--refresh-package": "", "--color": "", "--allow-insecure-host": "", "--trusted-host": "",
        "--directory": "", "--project": "", "--config-file": "", "--torch-backend": "",
    },
    (),
    {
        "--user": _REFUSED["--user"], "--target": _REFUSED["--target"], "--python": _REFUSED["--python"],
        "--system": "installs into another Python",
        "--exact": "removes all that is not named, conda's packages too",
        "--check": "installs nothing", "--output-format": "is for uv's own output (here: --json)",
        "--python-version": "installs for another Python", "--python-platform": "installs for another platform",
    },
    {"--requirements", "--requirement", "--editable", "--group"},
    "uv",
)  # fmt: skip
