"""PS2xx: conda changed what pip installed."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS201",
        name="overwritten-by-conda",
        severity="error",
        step="cause",
        title="conda wrote its package over the one that pip had installed",
        meaning=(
            "Two distributions of one name: pip's, and conda's that was linked over it later. Files that both have are "
            "conda's, files that only pip's version had are still there. `conda list` may show pip's version while "
            "Python imports conda's."
        ),
        causes=(
            "`conda install NAME`, or any conda command that brings NAME as a dependency: conda does not look at what "
            "pip installed. Also `conda update` after PS101, `conda install --revision`, and `conda create --clone`."
        ),
        way_out=(
            "`pip uninstall` until it says that the package is not installed, then `conda install --force-reinstall` "
            "conda's build. One uninstall alone leaves an empty package."
        ),
        modes=(
            "conda-overwrites-pip",
            "conda-update-merges-over-pip",
            "revision-rollback",
            "clone-corrupts",
            "pip-dep-not-seen",
        ),
        links=("https://github.com/conda/conda/issues/11452", "https://github.com/conda/conda/issues/14161"),
    ),
    Entry(
        code="PS202",
        name="missing-pip-files",
        severity="error",
        step="cause",
        title="Files of a package that pip installed are missing",
        meaning=(
            "The distribution's RECORD lists files that are not there, or only as dead links. pip "
            "takes it for installed, `pip install` "
            "says that the requirement is already satisfied, importing it fails. A warning when nothing that Python "
            "imports or that you run is missing, as when only `entry_points.txt` is, by which its plugins are found."
        ),
        causes=(
            "`conda remove NAME` after pip had replaced conda's package: conda deletes the paths of its own record, "
            "which are pip's files now. A conda transaction that failed and was rolled back does the same."
        ),
        way_out="`pip install --force-reinstall --no-deps` the same version.",
        modes=("conda-remove-deletes-pip-files", "pixi-order"),
        links=("https://github.com/conda/conda/issues/5887",),
    ),
    Entry(
        code="PS203",
        name="shadowed-editable",
        severity="error",
        step="cause",
        title="conda's package hides a checkout that is installed in place",
        meaning=(
            "The package is installed with `pip install -e` from a checkout, and a conda package of the same name, or "
            "with the same modules, lies in site-packages, which Python looks at first. Your "
            "changes in the checkout have "
            "no effect."
        ),
        causes="`conda install` of something that depends on the package: conda does not see the editable install.",
        way_out="`conda remove --force` conda's package to keep the checkout, or `pip uninstall` to keep conda's.",
        modes=("editable-shadowed",),
        links=("https://github.com/conda/conda/issues/9058",),
    ),
    Entry(
        code="PS204",
        name="overwritten-by-other-name",
        severity="error",
        step="cause",
        title="A conda package of another name wrote over pip's files",
        meaning=(
            "A distribution that pip installed and a conda package both list the same files, and what is there now is "
            "conda's content. The distribution is damaged, though pip lists it as installed."
        ),
        causes="`conda install py-opencv` after `pip install opencv-python`, and other pairs with one import package.",
        way_out="`pip uninstall` the distribution, then `conda install --force-reinstall` conda's package.",
        modes=("foreign-name-overlap", "name-mapping-double"),
        links=("https://github.com/prefix-dev/pixi/issues/6902",),
    ),
    Entry(
        code="PS205",
        name="missing-checkout",
        severity="error",
        step="cause",
        title="A checkout that is installed in place is not there",
        meaning=(
            "`pip install -e` left in site-packages where the project lies, and nothing lies there now. pip and conda "
            "list it as installed, and importing it fails."
        ),
        causes="The checkout was deleted, moved or renamed, or its folders were: from `NAME/` to `src/NAME/`, for one.",
        way_out="Put it back, or `pip install -e` it again from where it is now, or `pip uninstall` it.",
    ),
    Entry(
        code="PS210",
        name="conda-broke-requirement",
        severity="error",
        step="consequence",
        title="conda removed or changed what a package of pip's needs",
        meaning=(
            "A distribution that pip installed requires another one, which conda has in a version that does not meet "
            "it, or has removed. Importing it may fail."
        ),
        causes="conda's solver does not know what pip's packages need, and removes or changes it without a warning.",
        way_out="Ask conda for a version that meets the requirement, as the finding says.",
        modes=("conda-removes-pip-dep", "conda-downgrades-pip-dep", "env-prune"),
        links=("https://github.com/mamba-org/mamba/issues/3258",),
    ),
    Entry(
        code="PS220",
        name="altered-pip-files",
        severity="warning",
        step="cause",
        title="Files of a package that pip installed are not as it installed them",
        meaning=(
            "Found by `--deep`, of files that are empty now without it, too: "
            "the hash of a file differs from the one in RECORD, or a command calls something else "
            "than the package declares. A note where nothing that Python imports, pip reads or you run is among them."
        ),
        causes="An editor, a script that patches packages, another tool that wrote over them, a damaged disk.",
        way_out="`pip install --force-reinstall --no-deps` the same version, unless the change is yours and wanted.",
    ),
    Entry(
        code="PS221",
        name="altered-shared-pip-file",
        severity="error",
        step="cause",
        title="A file of uv's cache was edited in place",
        meaning=(
            "Found by `--deep`, of files that are empty now without it, too: "
            "uv links files from its cache into environments. One of them was edited in place, so "
            "that the cache and the other environments have the edit as well, and everything that uv installs from it "
            "later."
        ),
        causes="An editor, `>>`, or a script that patches packages after installation.",
        way_out=(
            "`uv cache clean` the package, then install the same version again in each environment that the finding "
            "names. Installing it again with uv alone brings the edit back."
        ),
        modes=("uv-hardlinks-own-cache",),
    ),
)
