"""A forecast as one short block for people, and as JSON for programs."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection, Sequence
from typing import Any

from conda_pipsafe.forecast.copying import Replaced
from conda_pipsafe.forecast.effects import Forecast, Harm
from conda_pipsafe.render.outcome import copy_text
from conda_pipsafe.render.paths import FEW, counted_paths

MOST_PACKAGES = 10
MOST_ORPHANS = 20


def forecast_text(
    seen: Forecast, harms: Sequence[Harm], *, refused: bool = False, every_path: bool = False, planned: bool = False
) -> str:
    """One block: which packages, which paths, which way out.

    Args:
        seen: The whole forecast.
        harms: Those of its harms that are to be told.
        refused: The transaction is refused because of them.
        every_path: Name every package and path, not the first few.
        planned: Nothing is about to happen: somebody only asks.
    """
    few, most = (None, None) if every_path else (FEW, MOST_PACKAGES)
    lines = [_title(seen, len(harms), refused=refused)]
    for harm in harms[:most]:
        lines += [f"  {harm.dist.name} {harm.dist.version}: {effect}" for effect in _effects(seen, harm, few)]
    if len(harms) > len(harms[:most]):
        lines.append(f"  … and {len(harms) - MOST_PACKAGES} more")
    lines += _ways_out_lines(seen, harms)
    if not refused and not planned:
        lines.append("  (to stop these warnings: conda config --set plugins.pipsafe_mode off)")
    return "\n".join(lines)


def deletion_text(seen: Forecast, harms: Sequence[Harm], *, refused: bool = False) -> str:
    """A whole environment goes: the names of what pip installed in it. Their files are no news, all of them go."""
    prefix = seen.transaction.prefix
    names = [f"{harm.dist.name} {harm.dist.version}" for harm in harms]
    shown = ", ".join(names[:MOST_PACKAGES]) + (", …" if len(names) > MOST_PACKAGES else "")
    start = "conda-pipsafe refuses this command:" if refused else "conda-pipsafe:"
    lines = [f"{start} {_deletion(seen, len(harms))}", f"  {shown}"]
    if refused:
        lines.append("  to have it all the same, first:  conda remove --all -p " + shlex.quote(prefix))
    lines.append(f"  to know later what was there, first:  conda pipsafe list -p {shlex.quote(prefix)} --json > FILE")
    return "\n".join(lines)


def refined_text(seen: Forecast, harms: Sequence[Harm]) -> str:
    """The paths of packages that were announced by their names, now that they are downloaded: no second warning."""
    lines = ["", "(conda-pipsafe, exact now that it is downloaded)"]
    for harm in harms[:MOST_PACKAGES]:
        lines += [f"  {harm.dist.name} {harm.dist.version}: {effect}" for effect in _effects(seen, harm, FEW)]
    return "\n".join(lines)


def planned_lines(
    seen: Forecast,
    replaced: Sequence[Replaced] = (),
    source: str | None = None,
    ignored: Collection[str] = frozenset(),
    *,
    every_path: bool = False,
) -> list[str]:
    """What `plan` says of a forecast: the block of the hook; empty when nothing is harmed.

    Args:
        seen: The forecast.
        replaced: What a copy of the environment would not carry over.
        source: The environment that is copied.
        ignored: Paths of the distributions that the user's settings pass over.
        every_path: As for `forecast_text`.
    """
    told = [item for item in replaced if item.dist.path not in ignored]
    known = {item.dist.path for item in told} if not every_path else set()
    harms = [harm for harm in seen.harms if harm.dist.path not in {*ignored, *known}]
    blocks = [copy_text(source, told)] if source and told else []
    if harms:
        blocks.append(forecast_text(seen, harms, every_path=every_path, planned=True))
    return [line for block in blocks for line in block.splitlines()]


def planned_value(
    seen: Forecast,
    replaced: Sequence[Replaced] = (),
    source: str | None = None,
    ignored: Collection[str] = frozenset(),
    *,
    sections: Sequence[tuple[str, Sequence[tuple[str, str, str]]]] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """What `plan --json` says: the forecast, and whether something is harmed that the user does not pass over.

    Args:
        seen: The forecast.
        replaced: As for `planned_lines`; so are `source` and `ignored`.
        source: The environment that is copied.
        ignored: Paths of the distributions that the user's settings pass over.
        sections: Files whose `pip:` section replaces conda's packages, with the lines that do, as `section_text` has
            them.
        notes: What else has to be said.
    """
    paths = [harm.dist.path for harm in seen.harms] + [item.dist.path for item in replaced]
    return {
        "harmed": bool(sections) or any(path not in ignored for path in paths),
        **forecast_value(seen, ignored=ignored),
        "copied_from": source,
        "replaced": [
            {
                "name": item.dist.name,
                "version": item.dist.version,
                "path": item.dist.path,
                "becomes": {"name": item.record.name, "version": item.record.version, "build": item.record.build},
                "ignored": item.dist.path in ignored,
            }
            for item in replaced
        ],
        "pip_section": [
            {"file": file, "requirement": line, "replaces": {"name": name, "version": version or None}}
            for file, clashes in sections
            for line, name, version in clashes
        ],
        "notes": list(notes),
    }


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
    prefix = seen.transaction.prefix
    replaced, orphans = _replaced(harms), _orphans(harms)
    found: list[dict[str, Any]] = []
    if replaced:
        command = [f"{prefix}/bin/python", "-m", "pip", "uninstall", "-y", *replaced]
        found.append({"when": "before", "why": "to take conda's cleanly", "command": command})
    if orphans:
        command = ["conda", "pipsafe", "install", "-p", prefix, *orphans]
        found.append({"when": "after", "why": "to have again what stays behind", "command": command})
    return found


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
        "by": list(harm.by),
        "ignored": harm.dist.path in ignored,
    }


def _title(seen: Forecast, count: int, *, refused: bool) -> str:
    prefix = seen.transaction.prefix
    packages = "1 package" if count == 1 else f"{count} packages"
    if seen.transaction.deletes_prefix:
        return f"conda-pipsafe: {_deletion(seen, count)}"
    verb = "refuses this transaction: it would harm" if refused else "this transaction will harm"
    return f"conda-pipsafe{'' if refused else ':'} {verb} {packages} that pip installed in {prefix}"


def _deletion(seen: Forecast, count: int) -> str:
    packages = "1 package" if count == 1 else f"{count} packages"
    return f"the environment {seen.transaction.prefix} will be deleted, with {packages} that pip installed in it"


def _effects(seen: Forecast, harm: Harm, few: int | None) -> list[str]:
    writers, removers, comer = _of_conda(harm.writers), _of_conda(harm.removers), f"conda's {harm.comer}"
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
        effects.append(f"taking away {removers} will delete {counted_paths(harm.deleted, few)}")
    if harm.by_name_only:
        effects.append(f"{comer} comes under the same name (not downloaded yet: the paths are not known)")
    elif harm.shadowed:
        effects.append(f"{comer} will be imported instead of this editable checkout")
    elif harm.doubled:
        effects.append(f"{comer} will put a second dist-info beside pip's")
    if harm.broken:
        effects.append(f"will no longer have what it needs: {', '.join(harm.broken[:few])}")
    if harm.orphaned and seen.python:
        before, after = seen.python
        gone = f"Python changes from {before} to {after}" if after else f"Python {before} goes"
        effects.append(f"{gone}: it stays behind in {harm.dist.site.path}, where nothing imports it")
    return effects


def _commands(harm: Harm, few: int | None) -> list[str]:
    told = [
        f"the command `{posixpath.basename(taken.path)}` will be that of conda's {taken.by}"
        + (f" ({taken.entry_point})" if taken.entry_point else "")
        for taken in harm.commands[:few]
    ]
    more = len(harm.commands) - len(told)
    return [*told, *([f"{more} more commands change hands"] if more else [])]


def _of_conda(labels: Sequence[str]) -> str:
    return ", ".join(f"conda's {label}" for label in labels)


def _replaced(harms: Sequence[Harm]) -> list[str]:
    return sorted({harm.dist.name for harm in harms if harm.by and not harm.orphaned})


def _orphans(harms: Sequence[Harm]) -> list[str]:
    return sorted(f"{harm.dist.name}=={harm.dist.version}" for harm in harms if harm.orphaned)


def _ways_out_lines(seen: Forecast, harms: Sequence[Harm]) -> list[str]:
    if seen.transaction.deletes_prefix:
        return []
    replaced, orphans = _replaced(harms), _orphans(harms)
    lines = []
    if replaced:
        python = shlex.quote(f"{seen.transaction.prefix}/bin/python")
        lines.append(f"  to take conda's cleanly, first:  {python} -m pip uninstall {' '.join(replaced)}")
        lines.append("  to keep pip's: leave out what brings these packages, or ask for other versions")
    if orphans:
        shown, prefix = " ".join(orphans[:MOST_ORPHANS]), shlex.quote(seen.transaction.prefix)
        lines.append(f"  afterwards, install again what stays behind:  conda pipsafe install -p {prefix} {shown}")
    return lines
