"""A forecast as one short block for people, and as JSON for programs."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection, Sequence
from typing import Any

from conda_pipsafe.forecast.effects import Forecast, Harm
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.render.deletion import deletion_title
from conda_pipsafe.render.paths import FEW, MOST_PACKAGES, counted_paths

MOST_ORPHANS = 20


def forecast_text(
    seen: Forecast,
    harms: Sequence[Harm],
    *,
    refused: bool = False,
    every_path: bool = False,
    planned: bool = False,
    off: str = "conda config --set plugins.pipsafe_mode off",
) -> str:
    """One block: which packages, which paths, which way out.

    Args:
        seen: The whole forecast.
        harms: Those of its harms that are to be told.
        refused: The transaction is refused because of them.
        every_path: Name every package and path, not the first few.
        planned: Nothing is about to happen: somebody only asks.
        off: What stops the warnings.
    """
    few, most = (None, None) if every_path else (FEW, MOST_PACKAGES)
    lines = [_title(seen, harms, refused=refused)]
    for harm in harms[:most]:
        lines += [f"  {_named(harm.dist)}: {effect}" for effect in _effects(seen, harm, few)]
    if len(harms) > len(harms[:most]):
        lines.append(f"  … and {len(harms) - MOST_PACKAGES} more")
    lines += _ways_out_lines(seen, harms)
    if not refused and not planned:
        lines.append(f"  (to stop these warnings: {off})")
    return "\n".join(lines)


def refined_text(seen: Forecast, harms: Sequence[Harm], spared: Sequence[Distribution] = ()) -> str:
    """The paths of packages that were announced by their names, now that they are downloaded: no second warning.

    Args:
        seen: The forecast.
        harms: What is announced and harmed.
        spared: What was announced and is not harmed after all.
    """
    lines = ["", "(conda-pipsafe, exact now that it is downloaded)"]
    for harm in harms[:MOST_PACKAGES]:
        lines += [f"  {_named(harm.dist)}: {effect}" for effect in _effects(seen, harm, FEW)]
    if len(harms) > MOST_PACKAGES:
        lines.append(f"  … and {len(harms) - MOST_PACKAGES} more")
    lines += [f"  {_named(dist)}: not harmed: no path of it is met" for dist in spared]
    return "\n".join(lines)


def forecast_value(seen: Forecast, *, ignored: Collection[str] = frozenset()) -> dict[str, Any]:
    """A forecast as JSON values: all packages, all paths. Keys may be added; none changes or goes in one version.

    Args:
        seen: The forecast.
        ignored: Paths of the distributions that the user's settings pass over.
    """
    transaction = seen.transaction
    return {
        "prefix": transaction.prefix,
        "exact": seen.exact,
        "deletes_prefix": transaction.deletes_prefix,
        "python": {"before": seen.python[0], "after": seen.python[1]} if seen.python else None,
        "link": [
            {
                "name": package.name,
                "version": package.version,
                "build": package.build,
                "channel": package.channel,
                "exact": package.paths is not None,
                "distributions": dict(package.distributions),
            }
            for package in transaction.link
        ],
        "unlink": [{"name": gone.name, "version": gone.version, "build": gone.build} for gone in transaction.unlink],
        "harms": [_harm_value(harm, ignored) for harm in seen.harms],
        "ways_out": ways_out(seen, [harm for harm in seen.harms if harm.dist.path not in ignored]),
    }


def ways_out(seen: Forecast, harms: Sequence[Harm]) -> list[dict[str, Any]]:
    """Commands against these harms: `when` is `before` or `after` the transaction; `command` is a list of words."""
    if seen.transaction.deletes_prefix:
        return []
    replaced, deleted, orphans = _replaced(harms), _deleted(seen, harms), _orphans(seen, harms)
    uninstall = [f"{seen.transaction.prefix}/bin/python", "-m", "pip", "uninstall", "-y"]
    install = ["conda", "pipsafe", "install", "-p", seen.transaction.prefix]
    force = [*install, "--force-reinstall", "--no-deps"]
    steps: tuple[tuple[str, str, list[str]], ...] = (
        ("before", "to take conda's cleanly", [*uninstall, *replaced] if replaced else []),
        ("after", "to have pip's again", [*force, *_words(deleted)] if deleted else []),
        ("after", "to import again what stays behind", _python_again(seen, harms)),
        ("after", "to have again what stays behind", [*install, *_words(orphans)] if orphans else []),
    )
    return [{"when": when, "why": why, "command": command} for when, why, command in steps if command]


def _harm_value(harm: Harm, ignored: Collection[str]) -> dict[str, Any]:
    kinds = {
        "overwritten": bool(harm.overwritten),
        "deleted": bool(harm.deleted),
        "command": bool(harm.commands),
        "put-back": bool(harm.put_back),
        "same-name": harm.by_name_only,
        "orphaned": harm.orphaned,
        "shadowed": harm.shadowed,
        "doubled": harm.doubled,
        "broken": bool(harm.broken),
        "leftover": bool(harm.leftover),
    }
    return {
        "name": harm.dist.name,
        "version": harm.dist.version,
        "installer": harm.dist.installer or None,
        "path": harm.dist.path,
        "editable": harm.dist.editable,
        "effects": [kind for kind, holds in kinds.items() if holds],
        "exact": not harm.by_name_only,
        "overwritten": list(harm.overwritten),
        "deleted": list(harm.deleted),
        "commands": [{"path": taken.path, "by": taken.by, "entry_point": taken.entry_point} for taken in harm.commands],
        "put_back": list(harm.put_back),
        "broken": list(harm.broken),
        "leftover": list(harm.leftover),
        "hidden": [{"module": module.replace("/", "."), "by": by} for module, by in harm.hidden],
        "by": list(harm.by),
        "ignored": harm.dist.path in ignored,
    }


def _title(seen: Forecast, harms: Sequence[Harm], *, refused: bool) -> str:
    prefix = seen.transaction.prefix
    if seen.transaction.deletes_prefix:
        return f"conda-pipsafe: {deletion_title(seen, len(harms))}"
    known = sum(not harm.by_name_alone for harm in harms)
    named = len(harms) - known
    told = [f"{'would' if refused else 'will'} harm {_packages(known)}"] if known else []
    if named:
        told.append(f"and may harm {named} more" if known else f"may harm {_packages(named)}")
    start = "conda-pipsafe refuses this transaction: it" if refused else "conda-pipsafe: this transaction"
    return f"{start} {' '.join(told)} that pip installed in {prefix}"


def _packages(count: int) -> str:
    return "1 package" if count == 1 else f"{count} packages"


def _effects(seen: Forecast, harm: Harm, few: int | None) -> list[str]:
    writers, removers = _of_conda(harm.writers), _of_conda(harm.removers)
    effects = []
    if seen.transaction.deletes_prefix:
        return [f"goes with it, {counted_paths(harm.deleted, few)}"]
    if harm.overwritten:
        effects.append(f"{writers} will overwrite {counted_paths(harm.overwritten, few)}")
    effects += _commands(harm, few)
    if harm.put_back:
        which = "all" if harm.put_back == harm.overwritten else str(len(harm.put_back))
        effects.append(f"{which} of these are conda's own, which pip had replaced: conda puts them back")
    if harm.deleted:
        causes = [f"taking away {removers}"] if harm.removers else []
        if harm.in_the_way:
            causes.append(f"{_of_conda(harm.in_the_way)}, put where a folder of theirs is,")
        effects.append(f"{' and '.join(causes)} will delete {counted_paths(harm.deleted, few)}")
    if harm.leftover:
        names = ", ".join(map(posixpath.basename, harm.leftover[:few]))
        effects.append(f"of its dist-info {names} will be left, which pip takes for an installed {harm.dist.name}")
    effects += _of_its_name(harm, few)
    if harm.broken:
        effects.append(f"will no longer have what it needs: {', '.join(harm.broken[:few])}")
    if harm.orphaned and seen.python:
        before, after = seen.python
        gone = f"Python changes from {before} to {after}" if after else f"Python {before} goes"
        effects.append(f"{gone}: it stays behind in {harm.dist.site.path}, where nothing imports it")
    return effects


def _of_its_name(harm: Harm, few: int | None) -> list[str]:
    """What a package of the distribution's own name means for it."""
    comer = f"conda's {harm.comer}"
    if harm.by_name_only:
        same = canonical_name((harm.comer or "").partition(" ")[0]) == harm.dist.key
        how = "comes under the same name" if same else "likely brings it too"
        return [f"{comer} {how} (not downloaded yet: the paths are not known)"]
    if harm.shadowed and harm.comer:
        return [f"{comer} will be imported instead of this editable checkout"]
    if harm.hidden:
        modules = ", ".join(module.replace("/", ".") for module, _ in harm.hidden[:few])
        by = _of_conda(sorted({label for _, label in harm.hidden}))
        return [f"{by} will be imported instead of this editable checkout (import {modules})"]
    return [f"{comer} will put a second dist-info beside pip's"] if harm.doubled else []


def _commands(harm: Harm, few: int | None) -> list[str]:
    told = [
        f"the command `{posixpath.basename(taken.path)}` will be that of conda's {taken.by}"
        + (f" ({taken.entry_point})" if taken.entry_point else "")
        for taken in harm.commands[:few]
    ]
    more = len(harm.commands) - len(told)
    return [*told, *([f"{more} more commands change hands"] if more else [])]


def _named(dist: Distribution) -> str:
    # The link of `setup.py develop` does not say its version.
    return f"{dist.name} {dist.version}".rstrip()


def _of_conda(labels: Sequence[str]) -> str:
    return ", ".join(label if label.startswith("pip's ") else f"conda's {label}" for label in labels)


def _replaced(harms: Sequence[Harm]) -> list[str]:
    return sorted(
        {
            harm.dist.name
            for harm in harms
            if (harm.writers or harm.in_the_way or harm.comer or harm.hidden) and not harm.orphaned
        }
    )


def _deleted(seen: Forecast, harms: Sequence[Harm]) -> list[Distribution]:
    """What only loses files, by a package that goes: it can be had again, if a Python stays."""
    if seen.python is not None and seen.python[1] is None:
        return []
    return [
        harm.dist
        for harm in harms
        if harm.deleted
        and not (harm.writers or harm.in_the_way or harm.comer or harm.orphaned or harm.dist.editable)
        and harm.dist.again
    ]


def _orphans(seen: Forecast, harms: Sequence[Harm]) -> list[Distribution]:
    """What can be installed again for the new Python, if there is one: not what comes from conda for it."""
    if seen.python is not None and seen.python[1] is None:
        return []
    return [harm.dist for harm in harms if harm.orphaned and harm.comer is None and harm.dist.again]


def _python_again(seen: Forecast, harms: Sequence[Harm]) -> list[str]:
    """The command where Python goes and what pip installed for it stays."""
    gone = seen.python if seen.python and not seen.python[1] and any(harm.orphaned for harm in harms) else None
    return ["conda", "install", "-p", seen.transaction.prefix, f"python={gone[0]}"] if gone else []


def _words(dists: Sequence[Distribution]) -> list[str]:
    return [word for dist in dists for word in dist.again]


def _ways_out_lines(seen: Forecast, harms: Sequence[Harm]) -> list[str]:
    if seen.transaction.deletes_prefix:
        return []
    replaced, deleted, orphans = _replaced(harms), _deleted(seen, harms), _orphans(seen, harms)
    prefix, lines = shlex.quote(seen.transaction.prefix), []
    if replaced:
        own = shlex.quote(f"{seen.transaction.prefix}/bin/python")
        lines.append(f"  to take conda's cleanly, first:  {own} -m pip uninstall {' '.join(replaced)}")
        lines.append("  to keep pip's: leave out what brings these packages, or ask for other versions")
    if deleted:
        shown = shlex.join(_words(deleted[:MOST_ORPHANS]))
        again = f"conda pipsafe install -p {prefix} --force-reinstall --no-deps {shown}"
        lines.append(f"  afterwards, to have pip's again:  {again}")
    needs = sorted({text.partition(" (")[0] for harm in harms for text in harm.broken})
    if needs:
        shown = " ".join(shlex.quote(need) for need in needs[:MOST_PACKAGES])
        lines.append(f"  to keep what is needed, ask conda for it in the same command, or afterwards pip:  {shown}")
    left = [shlex.quote(f"{seen.transaction.prefix}/{harm.dist.path}") for harm in harms if harm.leftover]
    if left:
        lines.append(f"  afterwards, against what is left:  rm -r {' '.join(left[:MOST_PACKAGES])}")
    if python := _python_again(seen, harms):
        lines.append(f"  afterwards, to import again what stays behind:  {shlex.join(python)}")
    if orphans:
        shown = shlex.join(_words(orphans[:MOST_ORPHANS]))
        lines.append(f"  afterwards, install again what stays behind:  conda pipsafe install -p {prefix} {shown}")
    return lines
