"""A forecast as one short block for people."""

from __future__ import annotations

from collections.abc import Sequence

from conda_pipsafe.forecast.effects import Forecast, Harm

FEW = 3
MOST_PACKAGES = 10


def forecast_text(seen: Forecast, harms: Sequence[Harm], *, refused: bool = False) -> str:
    """One block: which packages, which paths, which way out.

    Args:
        seen: The whole forecast.
        harms: Those of its harms that are to be told.
        refused: The transaction is refused because of them.
    """
    prefix = seen.transaction.prefix
    verb = "refuses this transaction: it would harm" if refused else "this transaction will harm"
    lines = [f"conda-pipsafe{'' if refused else ':'} {verb} {_packages(len(harms))} that pip installed in {prefix}"]
    for harm in harms[:MOST_PACKAGES]:
        lines += [f"  {harm.dist.name} {harm.dist.version}: {effect}" for effect in _effects(seen, harm)]
    if len(harms) > MOST_PACKAGES:
        lines.append(f"  … and {len(harms) - MOST_PACKAGES} more")
    lines += _ways_out(seen, harms)
    if not refused:
        lines.append("  (to stop these warnings: conda config --set plugins.pipsafe_mode off)")
    return "\n".join(lines)


def _packages(count: int) -> str:
    return "1 package" if count == 1 else f"{count} packages"


def _effects(seen: Forecast, harm: Harm) -> list[str]:
    by = ", ".join(f"conda's {label}" for label in harm.by) or "conda"
    effects = []
    if harm.overwritten:
        effects.append(f"{by} will overwrite {_paths(harm.overwritten)}")
    if harm.deleted:
        effects.append(f"{by}: removing it will delete {_paths(harm.deleted)}")
    if harm.by_name_only:
        effects.append(f"{by} comes under the same name (not downloaded yet: the paths are not known)")
    elif harm.shadowed:
        effects.append(f"{by} will be imported instead of this editable checkout")
    elif harm.doubled:
        effects.append(f"{by} will put a second dist-info beside pip's")
    if harm.broken:
        effects.append(f"will no longer have what it needs: {', '.join(harm.broken[:FEW])}")
    if harm.orphaned and seen.python:
        before, after = seen.python
        gone = f"Python changes from {before} to {after}" if after else f"Python {before} goes"
        effects.append(f"{gone}: it stays behind in {harm.dist.site.path}, where nothing imports it")
    return effects


def _paths(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:FEW])
    count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    return f"{count} ({shown}{', …' if len(paths) > FEW else ''})"


def _ways_out(seen: Forecast, harms: Sequence[Harm]) -> list[str]:
    python = f"{seen.transaction.prefix}/bin/python"
    replaced = sorted({harm.dist.name for harm in harms if harm.by and not harm.orphaned})
    lines = []
    if replaced:
        names = " ".join(replaced)
        lines.append(f"  to take conda's cleanly, first:  {python} -m pip uninstall {names}")
        lines.append("  to keep pip's: leave out what brings these packages, or ask for other versions")
    orphans = sorted(f"{harm.dist.name}=={harm.dist.version}" for harm in harms if harm.orphaned)
    if orphans:
        lines.append("  afterwards, install again what stays behind:  conda pipsafe install " + " ".join(orphans[:20]))
    return lines
