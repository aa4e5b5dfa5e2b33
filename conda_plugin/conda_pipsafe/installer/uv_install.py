"""Install with uv: rehearsed in a shadow of the environment, met with what conda owns, then done and compared.

The same steps as with pip (`install.py`). uv has no moment between its plan and its first write at which it could be
held, so it runs twice: in the rehearsal, which fills its cache, and then from that cache with every version pinned.
What it wrote is compared with what it had rehearsed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import UV, PipArguments, Word, parse
from conda_pipsafe.installer.install import Options, Prepared, judged, request_of
from conda_pipsafe.installer.plan import PipFailedError, Plan, constraint_lines, read_report, write_constraints
from conda_pipsafe.installer.policy import Refusal, Verdict
from conda_pipsafe.installer.rehearsal import Staged, make_shadow, not_as_rehearsed, read_shadow
from conda_pipsafe.installer.removal import names_in_file
from conda_pipsafe.installer.requirements import fitting_lines
from conda_pipsafe.installer.runner import Ended
from conda_pipsafe.installer.uv_report import Artifact, chosen, make_report, read_lock
from conda_pipsafe.installer.uv_runner import (
    AskedUv,
    Uv,
    WaitingUv,
    cache_folder,
    find_uv,
    refuse_elsewhere,
    run_uv,
    version_of,
)
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

if TYPE_CHECKING:
    from conda_pipsafe.installer.wheels import Wheel

# In the second run versions are pinned and everything is in the cache: what these ask for has been decided.
_DECIDED = {
    "--upgrade", "-U", "--upgrade-package", "--upgrade-group", "--reinstall", "--force-reinstall",
    "--reinstall-package", "--refresh", "--refresh-package", "--offline",
}  # fmt: skip
_CACHELESS = {"--no-cache", "--no-cache-dir"}
_NOT_REHEARSED = {"--link-mode", "--compile-bytecode", "--compile"}
# What `uv pip compile` needs to find the same artifacts again.
_WHERE_FROM = {
    "--find-links", "--index-url", "--extra-index-url", "--index", "--default-index", "--no-index", "--index-strategy",
    "--keyring-provider", "--no-binary", "--only-binary", "--cache-dir", "--config-file", "--no-config", "--directory",
    "--project", "--allow-insecure-host", "--trusted-host", "--torch-backend",
}  # fmt: skip
_USAGE = 2
_SHADOWS, _DAY = "pipsafe-", 86400
_NAMED = lazy(r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(?:[<>=!~;(@]|$)")


@contextmanager
def preparing_with_uv(
    before: Snapshot,
    arguments: PipArguments,
    options: Options,
    folder: str,
    *,
    environ: Mapping[str, str] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Prepared]:
    """Rehearse an install with uv, and meet what it wrote with what conda owns.

    Leaving the context without `carry_out` leaves the environment as it was.

    Args:
        before: The environment.
        arguments: What goes on to uv.
        options: How to install.
        folder: An empty temporary folder.
        environ: The variables to start from; `os.environ` when None.
        meanwhile: What to do besides.
        tell: Gets each line about a download or a build.

    Raises:
        PipFailedError: When uv has no plan.
        PipsafeError: When there is no uv, or something of the plan cannot be looked into.
    """
    uv = find_uv(before, environ)
    if any(word.value == "-" for word in parse(arguments.words, UV)):
        raise PipsafeError("uv runs twice and could read standard input once", hint="write it to a file: -r FILE")
    refuse_elsewhere(uv, arguments.words)
    held = [*constraint_lines(before, options.allowed), *fitting_lines(before, options.allowed)]
    # Where the cache is, what uv writes are hard links: nothing is copied, and they are gone in no time.
    near = cache_folder(uv, parse(arguments.words, UV))
    _remove_old(near)
    with tempfile.TemporaryDirectory(prefix=_SHADOWS, dir=near or folder) as shadows, ExitStack() as stack:
        asking = _Asking(uv, before, arguments, options, folder, shadows, "hardlink" if near else "symlink", tell)
        rehearsal = asking.rehearsed(held, "held", meanwhile)
        if held and asking.may_be_for_conda(rehearsal.ended):
            rehearsal = asking.rehearsed([], "free", lambda: None)
        if rehearsal.ended.code != 0 or rehearsal.ended.interrupted:
            raise _failed(rehearsal.ended)
        yield asking.met(rehearsal, stack)


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    ended: Ended
    folder: str
    site: str
    constraints: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class _Asking:
    uv: Uv
    before: Snapshot
    arguments: PipArguments
    options: Options
    folder: str
    shadows: str
    link_mode: str
    tell: Callable[[str], None]

    def rehearsed(self, held: Sequence[str], name: str, meanwhile: Callable[[], None]) -> _Rehearsal:
        """Let uv install into a new shadow, held to conda's versions."""
        shadow = os.path.join(self.shadows, name)
        os.mkdir(shadow)
        site = make_shadow(self.before, shadow)
        constraints = write_constraints(os.path.join(self.folder, f"{name}.txt"), held)
        constraints += [part for path in self.uv.constraints for part in ("--constraint", path)]
        command = ["pip", "install", "--python", self.uv.python, "--prefix", shadow, "--link-mode", self.link_mode]
        words = [*command, *constraints, *_words_without(self._words(), _NOT_REHEARSED)]
        versions: list[str] = []

        def besides() -> None:
            versions.append(version_of(self.uv))
            meanwhile()

        ended = run_uv(self.uv, words, tell=self.tell, meanwhile=besides)
        # What it says of the shadow is true of the environment.
        ended = replace(ended, errors=ended.errors.replace(shadow, self.before.prefix))
        return _Rehearsal(ended, shadow, site, tuple(constraints), "".join(versions))

    def may_be_for_conda(self, ended: Ended) -> bool:
        """Whether it may have failed for the sake of conda's versions."""
        return ended.code > 0 and ended.code != _USAGE and not ended.interrupted

    def met(self, rehearsal: _Rehearsal, stack: ExitStack) -> Prepared:
        """The plan, met with what conda owns by name, by path and by requirement."""
        folder = rehearsal.folder
        staged = read_shadow(folder, rehearsal.site, self.before)
        with self._ask_for_lock(staged):
            plan, wheels = self._plan(rehearsal, staged, {})
            # Where each comes from is no matter for that: uv's answer is not waited for.
            verdict = judged(plan, wheels, self.before, request_of(self.arguments, self.options))
        plan, wheels = self._plan(rehearsal, staged, self._artifacts(staged))
        verdict = Verdict((*verdict.refusals, *_without_record(self.before.prefix, plan)), verdict.warnings)
        waiting = None
        if staged and not verdict.refusals and not self.options.dry_run:
            # What only hashes are compared of is no longer needed while uv runs again.
            done_with = [folder] if all(one.is_hashed for one in staged) else []
            waiting = stack.enter_context(WaitingUv(self.uv, self._second(rehearsal, staged, plan), done_with))
        return Prepared(
            self.uv, self.before, self.arguments, self.options, plan, verdict, wheels, waiting,
            f"cpython-{(self.before.python or '').replace('.', '')}",
            lambda after: tuple(not_as_rehearsed(staged, folder, after)),
        )  # fmt: skip

    def _plan(
        self, rehearsal: _Rehearsal, staged: Sequence[Staged], artifacts: Mapping[str, Artifact]
    ) -> tuple[Plan, dict[str, Wheel]]:
        from conda_pipsafe.installer.wheels import Wheel

        report = make_report(rehearsal.version, staged, artifacts, self._asked(), rehearsal.ended.errors)
        plan = read_report(report, self.before, constrained=rehearsal.folder.endswith("held"))
        sizes = {key: artifact.size for key, artifact in artifacts.items()}
        return plan, {one.key: Wheel(rehearsal.folder, sizes.get(one.key), one.paths, one.hashes) for one in staged}

    def _words(self) -> list[Word]:
        """The words, with a cache of our own in place of none: the second run installs from it."""
        words = list(parse(self.arguments.words, UV))
        if not self.uv.cacheless and not any(word.option in _CACHELESS for word in words):
            return words
        cache = os.path.join(self.folder, "cache")
        return [Word(("--cache-dir", cache), "--cache-dir", cache), *(w for w in words if w.option not in _CACHELESS)]

    def _second(self, rehearsal: _Rehearsal, staged: Sequence[Staged], plan: Plan) -> list[str]:
        """The words of the second run: every version pinned, from the cache alone."""
        pins = [f"{one.metadata.name}=={one.metadata.version}" for one in staged]
        pinned = write_constraints(os.path.join(self.folder, "pinned.txt"), pins)
        again = [
            planned.name
            for planned in plan.dists
            if any(planned.version == old.dist.version for old in planned.replaces)
        ]
        how_loud = ["--quiet"] if self.options.quiet else ["--verbose"] * (self.options.verbose - 1)
        return [
            "pip", "install", "--python", self.uv.python, "--offline", *how_loud, *rehearsal.constraints, *pinned,
            *(part for name in again for part in ("--reinstall-package", name)),
            *_words_without(self._words(), _DECIDED),
        ]  # fmt: skip

    def _ask_for_lock(self, staged: Sequence[Staged]) -> AbstractContextManager[object]:
        """Have uv write a lock of each distribution of an index, from its cache alone."""
        indexed = [one for one in staged if one.direct_url is None]
        if not indexed:
            return nullcontext()
        lock = self._lock
        words = [part for word in self._words() if word.option in _WHERE_FROM for part in word.words]
        command = ["pip", "compile", "--quiet", "--offline", "--no-deps", "--python", self.uv.python,
                   "--format", "pylock.toml", "--output-file", lock, *words, "-"]  # fmt: skip
        lines = [line for path in self._files() for line in _index_lines(path)]
        lines += [f"{one.metadata.name}=={one.metadata.version}" for one in indexed]
        return AskedUv(self.uv, command, "".join(f"{line}\n" for line in lines))

    @property
    def _lock(self) -> str:
        return os.path.join(self.folder, "pylock.toml")

    def _artifacts(self, staged: Sequence[Staged]) -> dict[str, Artifact]:
        """Where each distribution of an index comes from, and its hash, as uv's lock of them says."""
        if not os.path.exists(self._lock):  # an older uv writes none
            return {}
        with open(self._lock, encoding="utf-8") as file:
            found = read_lock(file.read())
        sure = {one.key: chosen(one, found.get(one.key, ())) for one in staged if one.direct_url is None}
        return {key: artifact for key, artifact in sure.items() if artifact is not None}

    def _files(self) -> list[str]:
        return [
            word.value
            for word in self._words()
            if word.option in {"--requirements", "--requirement"} and os.path.isfile(word.value)
        ]

    def _asked(self) -> dict[str, set[str]]:
        """What is asked for by name, with its extras, by canonical name."""
        texts = [word.value for word in self._words() if not word.option]
        texts += [text for path in self._files() if not path.endswith(".toml") for text in names_in_file(path)]
        found: dict[str, set[str]] = {}
        for match in filter(None, map(_NAMED.match, texts)):
            extras = {canonical_name(extra.strip()) for extra in (match.group(2) or "").split(",") if extra.strip()}
            found.setdefault(canonical_name(match.group(1)), set()).update(extras)
        return found


def _remove_old(cache: str | None) -> None:
    """Remove the shadows of those who were killed; a rehearsal takes less than a day."""
    names = [name for name in os.listdir(cache) if name.startswith(_SHADOWS)] if cache else []
    for name in names:
        path = os.path.join(cache or "", name)
        with suppress(OSError):
            if os.stat(path).st_mtime < time.time() - _DAY:
                shutil.rmtree(path, ignore_errors=True)


def _words_without(words: Sequence[Word], options: Collection[str]) -> list[str]:
    return [part for word in words if word.option not in options for part in word.words]


def _index_lines(path: str) -> list[str]:
    """The lines of a requirements file that say where packages come from."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return [
            line.strip()
            for line in file
            if line.startswith(("-i", "-f", "--index", "--extra-index", "--find-links", "--no-index"))
        ]


def _failed(ended: Ended) -> PipFailedError:
    message = "uv cannot do this; what it says is above. Nothing was installed"
    if ended.interrupted:
        message = "interrupted while uv was looking for a plan; nothing was installed"
    elif ended.code < 0:
        message = f"uv was killed by signal {-ended.code}; nothing was installed"
    return PipFailedError(message, ended.errors, interrupted=ended.interrupted, code=ended.code)


def _without_record(prefix: str, plan: Plan) -> Iterator[Refusal]:
    """uv goes on where an installed distribution has no list of its files: two of one name are left. pip ends there."""
    for planned in plan.dists:
        for old in planned.replaces:
            if old.owner == "pip" and not old.dist.has_record and old.dist.kind != "egg-link":
                way = f"To hear how to remove it: conda pipsafe uninstall -p {shlex.quote(prefix)} {planned.key}"
                yield Refusal(
                    "no-record",
                    planned.name,
                    f"{old.dist.path} has no list of its files: uv would install {planned.version} over what is left",
                    fixes=(way, "leave --backend uv out: pip says what it can do"),
                    facts={"name": planned.key, "version": planned.version, "installed": old.dist.version},
                )
