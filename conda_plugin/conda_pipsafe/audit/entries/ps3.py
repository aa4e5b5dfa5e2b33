"""PS3xx: Python moved, and pip's packages did not."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS301",
        name="stranded-distributions",
        severity="error",
        step="cause",
        title="Packages were left behind in another Python's folder",
        meaning=(
            "The environment had another Python when pip installed these packages. They are still on the disk, but the "
            "Python of today does not import from there; their commands fail. Neither `conda list` nor `pip list` "
            "shows them."
        ),
        causes=(
            "A conda command changed Python's minor version, or the kind of Python (free-threaded or not): conda moves "
            "its own packages and forgets pip's."
        ),
        way_out="Install them again with the Python of today, then delete the old folder and the dead commands.",
        modes=("python-minor-orphan", "ft-site-packages"),
        links=("https://github.com/conda/conda-pypi/issues/11", "https://github.com/conda/conda/issues/6824"),
    ),
    Entry(
        code="PS302",
        name="unsupported-python",
        severity="warning",
        step="consequence",
        title="A package of pip's does not support this Python",
        meaning="The distribution's Requires-Python excludes the Python of the environment. It may not import.",
        causes="Python changed below it, or pip was told to ignore the requirement (`--ignore-requires-python`).",
        way_out="Install a version of it that supports this Python.",
        modes=("python-minor-orphan",),
    ),
    Entry(
        code="PS303",
        name="marker-left-behind",
        severity="warning",
        step="leftover",
        title="The mark that kept pip out stayed with the old Python",
        meaning=(
            "`EXTERNALLY-MANAGED` (PEP 668) lies in the folder of a Python that the environment no longer has. It told "
            "pip and uv not to write here; the Python of today has no such mark."
        ),
        causes="A conda command changed Python's minor version. A mark that nobody owns does not move with it.",
        way_out="Copy it to the folder of today's Python, or delete it if pip may write.",
        modes=("marker-left-behind",),
    ),
)
