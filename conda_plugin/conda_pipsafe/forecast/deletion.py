"""What goes with a whole environment: `conda remove --all`, `conda env remove`, `create` over an existing one."""

from __future__ import annotations

from conda_pipsafe.forecast.effects import Forecast, Harm
from conda_pipsafe.forecast.transaction import Transaction, UnlinkedPackage
from conda_pipsafe.prefix.snapshot import Snapshot


def forecast_deletion(snapshot: Snapshot) -> Forecast:
    """Every distribution that conda does not own, with every path of it that exists."""
    unlink = tuple(
        UnlinkedPackage(record.name, record.version, record.build, frozenset(record.files))
        for record in snapshot.records
    )
    transaction = Transaction(snapshot.prefix, (), unlink, python_before=snapshot.python, deletes_prefix=True)
    harms = []
    for dist in snapshot.pip_distributions():
        paths = {row.path for row in snapshot.installed_files[dist.path]} or {dist.metadata_path}
        harms.append(Harm(dist, deleted=tuple(sorted(filter(snapshot.exists, paths)))))
    return Forecast(transaction, tuple(sorted(harms, key=lambda harm: (harm.dist.key, harm.dist.path))))
