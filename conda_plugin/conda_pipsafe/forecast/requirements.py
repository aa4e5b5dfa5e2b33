"""What pip's distributions require, and will no longer have once a transaction is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conda_pipsafe.forecast.transaction import Transaction
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot


def imported_then(dist: Distribution, transaction: Transaction, leaving: str | None) -> bool:
    """Whether a distribution is in reach of the Python that will be there; one may lie there from before."""
    if leaving is None:
        # Where no Python is, one may come, and find what was left behind.
        return dist.site.current or (transaction.python_before is None and dist.site.path == transaction.site_after)
    return dist.site.path == transaction.site_after or (dist.site.current and dist.site.path != leaving)


def newly_broken(
    snapshot: Snapshot, transaction: Transaction, owned: Sequence[Distribution]
) -> Mapping[str, tuple[str, ...]]:
    """Requirements that are met now and will not be, extras and markers included.

    Args:
        snapshot: The prefix before.
        transaction: What will happen to it.
        owned: The distributions that conda does not own and that will be importable.

    Returns:
        For each of those that has any, by its path: what it needs and what will be there, in order.
    """
    asking = [dist for dist in owned if dist.requires_dist]
    if not asking or not (transaction.link or transaction.unlink):
        return {}
    # Costs 17 ms to import, and most environments never get here.
    from conda_pipsafe.prefix.requirements import Installed, evaluate, marker_environment

    site = next((site for site in snapshot.sites if site.current), None)
    environment = marker_environment(snapshot.record_named("python"), site.python if site else None)
    asking_now = [dist for dist in asking if dist.site.current]
    now = [dist for dist in snapshot.distributions if dist.site.current]
    conda_now = {canonical_name(record.name): record.version for record in snapshot.records}
    broken_now = {
        (unmet.dist.path, unmet.text) for unmet in evaluate(Installed(now, conda_now, environment, asking_now)).unmet
    }
    if transaction.site_after not in {None, transaction.site_before}:
        environment |= marker_environment(None, transaction.python_after)
        # What lies in the folder of the Python to come was not imported till now.
        stays = [dist for dist in now if dist.site.path != transaction.site_before]
        found_there = (dist for dist in snapshot.distributions if dist.site.path == transaction.site_after)
        now = [*stays, *(dist for dist in found_there if not dist.site.current)]
    then = _after(transaction, now, transaction.site_after or (site.path if site else None))
    unmet_then = evaluate(Installed(then, _conda_after(transaction, conda_now), environment, asking)).unmet
    found: dict[str, list[str]] = {}
    for unmet in unmet_then:
        if (unmet.dist.path, unmet.text) not in broken_now:
            there = ", ".join(sorted({dist.version for dist in unmet.found}))
            found.setdefault(unmet.dist.path, []).append(f"{unmet.text} ({there or 'nothing'} will be there)")
    return {path: tuple(sorted(texts)) for path, texts in found.items()}


def _after(transaction: Transaction, now: Sequence[Distribution], site: str | None) -> list[Distribution]:
    gone = {path for package in transaction.unlink for path in package.paths}
    coming = {key: version for package in transaction.link for key, version in package.distributions.items()}
    # What conda links is what will be imported, also where pip's dist-info of the name stays beside it.
    stay = [dist for dist in now if dist.metadata_path not in gone and dist.key not in coming]
    if not now or site is None:
        return stay
    pattern = now[0]
    return [
        *stay,
        *(
            replace(pattern, name=key, version=version, path=f"{site}/{key}-{version}.dist-info", requires_dist=())
            for key, version in coming.items()
        ),
    ]


def _conda_after(transaction: Transaction, now: Mapping[str, str]) -> dict[str, str]:
    after = dict(now)
    for gone in transaction.unlink:
        after.pop(canonical_name(gone.name), None)
    after.update((canonical_name(package.name), package.version) for package in transaction.link)
    return after
