"""What a command did, and what copying an environment will do, as one short block for people."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from conda_pipsafe.audit import fixes
from conda_pipsafe.forecast.copying import Replaced
from conda_pipsafe.forecast.effects import Harm
from conda_pipsafe.forecast.outcome import Change, Outcome
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.render.paths import FEW, counted_paths
from conda_pipsafe.render.requirements import requirements


def outcome_text(command: str, outcome: Outcome, *, unfinished: str | None = None) -> str:
    """What in fact changed, by name, with the commands that put it right.

    Args:
        command: conda's name of the command.
        outcome: What it did.
        unfinished: When the command began, if nobody saw its end.
    """
    prefix = outcome.prefix
    which = f" of {unfinished}, which did not come to its end," if unfinished else ""
    lines = [f"conda-pipsafe: what `conda {command.replace('_', ' ')}`{which} did to Python packages in {prefix}"]
    stranded = {dist.path for dist in outcome.orphaned}
    # First: with it there pip uninstalls nothing of that name.
    for dist, paths in outcome.leftover:
        lines.append(f"  {dist.name} {dist.version}: of its dist-info {counted_paths(paths)} is left, no package")
        lines.append(f"    to put it right:  rm -r {quote(f'{prefix}/{dist.path}')}")
    for change in outcome.changes:
        copied = command in {"create", "rename"}
        lines += _change_lines(prefix, change, stranded=change.dist.path in stranded, copied=copied)
    for item in outcome.replaced:
        lines += _replaced_lines(prefix, item)
    for dists in outcome.doubled:
        lines += _doubled_lines(prefix, dists)
    if outcome.orphaned:
        lines += _orphan_lines(prefix, outcome.orphaned, outcome.gone)
    for dist, texts in outcome.broken:
        lines.append(f"  {dist.name} {dist.version}: no longer has what it needs: {', '.join(_now(texts[:FEW]))}")
        needs = " ".join(f'"{text.partition(" (")[0]}"' for text in texts[:FEW])
        lines.append(f"    to have it again:  conda install -p {quote(prefix)} {needs}  (or conda pipsafe install …)")
    for dist, modules in outcome.hidden:
        lines += _hidden_lines(prefix, dist, modules)
    if outcome.unforeseen:
        # Nobody can know what a link script does.
        why = "a script of a package's may do that; else please report it"
        lines.append(f"  not foreseen ({why}): {counted_paths(outcome.unforeseen)}")
    if outcome.spared:
        lines.append(f"  foreseen, but as it was (please report it): {counted_paths(outcome.spared)}")
    lines.append(f"  all of it:  conda pipsafe audit -p {quote(prefix)}")
    return "\n".join(lines)


def _now(texts: Sequence[str]) -> list[str]:
    """What was foreseen, now that it is so."""
    return [text.replace(" will be there)", " is there)") for text in texts]


def _change_lines(prefix: str, change: Change, *, stranded: bool, copied: bool) -> list[str]:
    dist = change.dist
    parts = []
    if change.overwritten:
        somebody = "conda" if change.foreseen else "a script of a package's, or somebody else,"
        owners = ", ".join("conda's " + spec for spec in change.by) or somebody
        same = f", {change.same} of them with the same content" if change.same else ""
        parts.append(f"{owners} overwrote {counted_paths(change.overwritten)}{same}")
    if change.deleted:
        parts.append(f"{'the copy lacks' if copied else 'conda deleted'} {counted_paths(change.deleted)}")
    lines = [f"  {dist.name} {dist.version} (installed by {dist.installer}): {'; '.join(parts)}"]
    if stranded:
        return lines  # this Python's pip does not see it; what stays behind is told below
    uninstall = fixes.uninstall_all(prefix, dist.name, max(change.standing, 1))
    again = requirements([dist])
    if change.by and f"{dist.path}/METADATA" in change.deleted and _is_all(change):
        lines.append(f"    conda's is whole; to have pip's again:  conda pipsafe install -p {quote(prefix)} {again}")
    elif change.by:
        channels = dict.fromkeys(tuple(fixes.channel_words(channel)) for channel in change.channels)
        words = [*(word for pair in channels for word in pair), *change.by]
        lines.append(f"    to have conda's, whole:  {uninstall}")
        lines.append(f"      then:  {fixes.conda(prefix, 'install', '--force-reinstall', *words)}")
    elif again:
        lines.append(f"    to have pip's again:  {_python(prefix)} -m pip install --force-reinstall --no-deps {again}")
    return lines


def _is_all(change: Change) -> bool:
    """Whether nothing stays of what it was."""
    return set(change.dist.files) <= {*change.overwritten, *change.deleted}


def _replaced_lines(prefix: str, item: Replaced) -> list[str]:
    record, dist = item.record, item.dist
    return [
        f"  {dist.name} {dist.version}: pip put it in the place of conda's {record.name} {record.version}",
        f"    to have conda's:  {fixes.pip(prefix, 'uninstall', '-y', dist.name)}",
        f"      then:  {fixes.conda_reinstall(prefix, record)}",
    ]


def _doubled_lines(prefix: str, dists: Sequence[Distribution]) -> list[str]:
    # The link of `setup.py develop` does not say its version.
    versions = " and ".join(sorted(dist.version or "an editable one" for dist in dists))
    name = dists[0].name
    return [
        f"  {name}: two dist-infos lie side by side, {versions}; no tool can tell which is installed",
        f"    to put it right:  {fixes.uninstall_all(prefix, name, len(dists))}",
        "      then install the one that you want",
    ]


def _hidden_lines(prefix: str, dist: Distribution, modules: Sequence[tuple[str, str]]) -> list[str]:
    names = ", ".join(module.replace("/", ".") for module, _ in modules[:FEW])
    packages = sorted({by for _, by in modules})
    owners = ", ".join(f"conda's {by}" for by in packages)
    gone = " ".join(by.rpartition(" ")[0] for by in packages)
    return [
        f"  {dist.name} {dist.version}: its checkout is no longer imported: `import {names}` finds {owners}",
        f"    to import the checkout again:  conda remove -p {quote(prefix)} --force {gone}",
    ]


def _orphan_lines(prefix: str, orphaned: Sequence[Distribution], gone: str | None) -> list[str]:
    names = requirements(orphaned)
    count = "1 package stays" if len(orphaned) == 1 else f"{len(orphaned)} packages stay"
    lines = [f"  {count} behind in {orphaned[0].site.path}, where no Python of this environment imports them from"]
    if gone:
        lines.append(f"    to import them again:  conda install -p {quote(prefix)} python={gone}")
    elif names:
        lines.append(f"    to have them again:  conda pipsafe install -p {quote(prefix)} {names}")
    return lines


def copy_text(
    source: str,
    replaced: Sequence[Replaced],
    harms: Sequence[Harm] = (),
    *,
    refused: bool = False,
    again: bool = False,
    few: int | None = FEW,
) -> str:
    """What a clone or rename of an environment will not carry over.

    Args:
        source: The environment that is copied.
        replaced: conda's packages in whose place pip put its own.
        harms: The files of pip's that lie where conda's own come again.
        refused: The command is refused because of them.
        again: Something was said of this copy already, and this comes to it.
        few: How many paths are named; None for all.
    """
    verb = "refuses: " if refused else "now that conda's packages are unpacked: " if again else ""
    anew = bool(replaced) or any(harm.by for harm in harms)
    why = "conda links its own packages anew" if anew else "conda does not copy every file"
    lines = [f"conda-pipsafe: {verb}the copy of {source} will not be as it is: {why}"]
    lines += [
        f"  {item.dist.name} {item.dist.version} (installed by {item.dist.installer or 'pip'}) becomes conda's "
        f"{item.record.version} again, and pip's dist-info stays beside it"
        for item in replaced
    ]
    known = {item.dist.path for item in replaced}
    for harm in harms:
        whose = f"{harm.dist.name} {harm.dist.version} (installed by {harm.dist.installer or 'pip'})"
        if harm.overwritten and harm.dist.path not in known:
            owners = ", ".join(f"conda's {label}" for label in harm.writers)
            lines.append(f"  {whose}: {owners} takes back {counted_paths(harm.overwritten, few)}")
        if harm.deleted:
            packages = ", ".join(f"conda's {label}" for label in harm.in_the_way)
            cause = f"; {packages} comes in the place of a folder or file of theirs" if packages else ""
            lines.append(f"  {whose}: the copy will lack {counted_paths(harm.deleted, few)}{cause}")
    dists = [*(item.dist for item in replaced), *(harm.dist for harm in harms if harm.dist.path not in known)]
    names = requirements(dists)
    if names:
        lines.append(f"  afterwards, in the copy:  python -m pip install --force-reinstall --no-deps {names}")
    return "\n".join(lines)


def begun_text(prefix: str) -> str:
    """What a copy that is refused at the last look leaves: conda copies what no record owns before it unpacks."""
    return f"  conda has begun the copy, and only the copy; to remove what is there:  rm -r {quote(prefix)}"


def marker_text(prefix: str, marker: str) -> str:
    """That the mark which keeps pip out will not be there for the new Python."""
    return "conda-pipsafe: {}\n  {}".format(*_of_marker(prefix, marker))


def marker_note(prefix: str, marker: str) -> str:
    """The same in one line, beside a plan."""
    return "; ".join(_of_marker(prefix, marker))


def _of_marker(prefix: str, marker: str) -> tuple[str, str]:
    stays = f"{marker}, which keeps pip from writing to {prefix}, stays behind with the old Python"
    return stays, "afterwards, copy it to the folder of the new one"


def kept_text(command: str, prefix: str, kept: Sequence[str]) -> str:
    """That a reading command is about to erase records, of which copies were kept."""
    names = ", ".join(kept)
    return (
        f"conda-pipsafe: pip replaced {names}; `conda {command}` erases conda's record of it. A copy is kept.\n"
        f"  what happened, and the way back:  conda pipsafe audit -p {quote(prefix)}"
    )


def _python(prefix: str) -> str:
    return quote(f"{prefix}/bin/python")
