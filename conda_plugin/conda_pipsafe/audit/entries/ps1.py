"""PS1xx: pip, or another installer of Python packages, changed what conda installed."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS101",
        name="replaced-conda-package",
        severity="error",
        step="cause",
        title="pip replaced a package that conda installed",
        meaning=(
            "conda's record says that one version is installed; pip removed its files and put another version there. "
            "conda still plans with the old version. The next conda command that touches the package writes its files "
            "over pip's, and `conda list`, `conda export` and `conda compare` delete conda's record without a word."
        ),
        causes=(
            "`pip install -U NAME`, or the installation of something that needs another version of NAME; also the "
            "`pip:` section of an environment.yml, since conda runs `pip install -U` for it. uv does the same."
        ),
        way_out=(
            "First `pip uninstall` the package, then have conda install its own again with `--force-reinstall`. The "
            "other order leaves files of both versions. Where pip's packages need another version than that, the last "
            "step asks conda for one. Do not run `conda list` before: it deletes the record that names the build."
        ),
        modes=("pip-upgrades-conda-pkg", "pip-self-upgrade", "env-update-forces-U", "uv-upgrade"),
        links=("https://github.com/conda/conda/issues/6940", "https://github.com/conda/conda/issues/7053"),
    ),
    Entry(
        code="PS102",
        name="removed-conda-package",
        severity="error",
        step="cause",
        title="A package that conda lists was removed by another tool",
        meaning=(
            "conda's record says that the package is installed, but its files are gone and nothing stands in their "
            "place. conda believes that it is there and will not install it again by itself."
        ),
        causes="`pip uninstall NAME`, or `uv pip sync`, which removes every package that its list lacks.",
        way_out="`conda install --force-reinstall` the package.",
        modes=("uv-pip-sync-prunes-conda", "pixi-order"),
        links=("https://github.com/astral-sh/uv/pull/21365",),
    ),
    Entry(
        code="PS103",
        name="missing-conda-files",
        severity="error",
        step="cause",
        title="Some files of a conda package are missing",
        meaning=(
            "conda's record lists files that are not there, or only as dead links, though the rest "
            "of it is. Importing or running it "
            "may fail. A warning instead of an error when nothing that Python imports or that you run is missing."
        ),
        causes=(
            "A distribution of another name had the same files and was uninstalled by pip; files were deleted by hand; "
            "a conda transaction was interrupted."
        ),
        way_out="`conda install --force-reinstall` the package.",
        modes=("foreign-name-overlap", "shared-data-overwrite", "namespace-init-lost"),
        links=("https://github.com/prefix-dev/pixi/issues/6721", "https://github.com/pypa/pip/issues/4689"),
    ),
    Entry(
        code="PS104",
        name="taken-over-conda-package",
        severity="warning",
        step="cause",
        title="pip installed the same version over conda's",
        meaning=(
            "The version is the one that conda lists, but the files are those of PyPI's build: other compiled code, "
            "other bundled libraries, other scripts. `conda list` and `conda doctor` cannot see it. If conda removes "
            "the package later, an empty distribution stays that pip takes for installed."
        ),
        causes="`pip install --force-reinstall NAME`, or uv's `--reinstall`.",
        way_out="First `pip uninstall` the package, then `conda install --force-reinstall` conda's build.",
        modes=("pip-same-version-reinstall",),
        links=("https://github.com/pypa/pip/issues/12535",),
    ),
    Entry(
        code="PS105",
        name="contested-paths",
        severity="error",
        step="cause",
        title="A package of another name wrote over conda's files",
        meaning=(
            "A distribution that pip installed and a conda package both list the same files. pip saw no conflict, as "
            "the names differ. What is imported is a mixture; whoever is uninstalled first takes the other's files "
            "along. A note when both have the same content, as with a shared `__init__.py`."
        ),
        causes="`pip install opencv-python` beside conda's py-opencv, and other pairs that ship one import package.",
        way_out=(
            "Decide for one. To keep conda's: `pip uninstall` the other, which deletes the shared files too, then "
            "`conda install --force-reinstall` conda's package. To keep the other, as where pip's packages need it: "
            "`conda remove --force` conda's, then `pip install --force-reinstall` the other."
        ),
        modes=("foreign-name-overlap", "name-mapping-double", "entry-script-overwrite", "shared-data-overwrite"),
        links=("https://github.com/pypa/pip/issues/5030", "https://github.com/prefix-dev/pixi/issues/6902"),
    ),
    Entry(
        code="PS106",
        name="lost-record",
        severity="error",
        step="cause",
        title="conda forgot a package that it had installed",
        meaning=(
            "conda installed the package, pip replaced it, and then a conda command deleted conda's record of it. "
            "`conda doctor` says that all is well, the solver no longer knows of the package, and what needs "
            "it may get a second copy written over pip's."
        ),
        causes="`conda list`, `conda export` or `conda compare` after PS101 delete records whose files pip removed.",
        way_out=(
            "First `pip uninstall` what stands there, then `conda install` the exact version and build again. "
            "`conda list` is not a remedy: it is the cause."
        ),
        modes=("record-erased-by-read",),
        links=("https://github.com/conda/conda/issues/14423",),
    ),
    Entry(
        code="PS107",
        name="installed-over-conda",
        severity="error",
        step="cause",
        title="pip installed over conda's package without removing it",
        meaning=(
            "Two distributions of one name: conda's, and a newer one of pip's whose files lie over conda's. Modules of "
            "both versions are mixed in one folder, `conda list` and `pip list` contradict each other."
        ),
        causes="`pip install --ignore-installed` (a common advice), or uv over a package without RECORD.",
        way_out=(
            "`pip uninstall` until it says that the package is not installed, then `conda install --force-reinstall` "
            "conda's build. One uninstall alone is not enough."
        ),
        modes=("ignore-installed-dup", "uv-no-record", "no-record-refusal"),
        links=("https://github.com/pypa/pip/issues/5030",),
    ),
    Entry(
        code="PS108",
        name="replaced-command",
        severity="error",
        step="cause",
        title="A command of one package starts another package",
        meaning=(
            "pip and conda each installed a package with a command of the same name, and the file in `bin` calls the "
            "one that was installed last. Uninstalling either deletes the command of both. conda keeps no hash of such "
            "files, so `conda doctor` sees nothing; the audit compares what the text calls."
        ),
        causes="Two projects that declare the same command, one from conda, one from pip.",
        way_out="Decide which of the two you want; uninstall the other, then reinstall the one to keep.",
        modes=("entry-script-overwrite",),
        links=("https://github.com/conda/conda/issues/3353",),
    ),
    Entry(
        code="PS109",
        name="foreign-interpreter",
        severity="error",
        step="cause",
        title="A command starts the Python of another environment, or one that is gone",
        meaning=(
            "The first line of a command names a Python that is not this environment's: it sees the packages of "
            "the other environment (a warning), or does not start at all (an error). An error, too, when `bin/python` "
            "itself is a link that leads out."
        ),
        causes=(
            "`pip install --prefix` or `--target` with the pip of another environment, a Python that was replaced "
            "below its commands, or an environment that was moved or copied by hand."
        ),
        way_out="Reinstall the package with this environment's own pip, or with conda where it is conda's.",
        modes=("wrong-interpreter",),
        links=("https://github.com/conda/conda/issues/7033",),
    ),
    Entry(
        code="PS110",
        name="broke-conda-requirement",
        severity="error",
        step="consequence",
        title="What pip put there does not meet what a conda package needs",
        meaning=(
            "A conda package needs a version of another package that it had when conda installed both. pip replaced "
            "that one by a version outside the range."
        ),
        causes="pip checks what distributions declare, never what conda packages declare, nor conda's pins.",
        way_out="Put conda's version back, as the finding about the replaced package says.",
        modes=("pip-breaks-conda-deps",),
        links=("https://github.com/conda/conda/issues/6940",),
    ),
    Entry(
        code="PS111",
        name="pin-ignored",
        severity="warning",
        step="consequence",
        title="pip installed a version that this environment is pinned against",
        meaning="`conda-meta/pinned` binds conda, not pip: what is there now is a version that it excludes.",
        causes="`pip install` of a newer version, directly or as a requirement of something else.",
        way_out="`pip uninstall` it, then have conda's build again; or change the pin if it is out of date.",
        modes=("pinned-ignored",),
        links=("https://github.com/conda/conda/issues/4943",),
    ),
    Entry(
        code="PS112",
        name="frozen-ignored",
        severity="warning",
        step="cause",
        title="pip installed into an environment that is marked as frozen",
        meaning=(
            "`conda-meta/frozen` (CEP 22) asks every tool to leave the environment alone. pip does not know of it. "
            "Told by the times of the mark and of the dist-info folders."
        ),
        causes="`pip install` in an environment that its administrator had frozen.",
        way_out="`pip uninstall` what came after the mark, or renew the mark (`touch conda-meta/frozen`) to keep it.",
        modes=("frozen-ignored",),
        links=("https://github.com/conda/ceps/pull/99",),
    ),
    Entry(
        code="PS113",
        name="conda-from-pypi",
        severity="warning",
        step="cause",
        title="PyPI's abandoned conda is installed in this environment",
        meaning=(
            "The project `conda` on PyPI is a release of 2017. It hides the real conda in this environment, and its "
            "`conda` command fails or does harm."
        ),
        causes="`pip install conda`, or of something that names conda as a requirement.",
        way_out="`pip uninstall conda`.",
        modes=("pip-pulls-conda-pkg",),
        links=("https://github.com/conda/conda/issues/7737",),
    ),
    Entry(
        code="PS114",
        name="command-not-executable",
        severity="error",
        step="cause",
        title="A command of the environment cannot be run",
        meaning=(
            "Commands that conda or pip wrote, or Python itself, are there, and nobody has the permission to run them: "
            "the shell says `Permission denied`, or finds another one of the same name further down PATH."
        ),
        causes="An archive or a file system that keeps no such permissions (zip, a network share), `chmod`.",
        way_out="`chmod a+x` the files.",
    ),
    Entry(
        code="PS120",
        name="altered-conda-files",
        severity="warning",
        step="cause",
        title="Files of a conda package are not as conda installed them",
        meaning=(
            "Found by `--deep`, of files that are empty now without it, too: "
            "the hash of a file differs from the one in conda's record, a folder or a link out "
            "stands in its place, or a command calls something else than the package declares. A note where nothing "
            "that Python imports, pip reads or you run is among them: settings are made to be edited."
        ),
        causes="An editor, a script that patches packages after installation, a damaged disk.",
        way_out="`conda install --force-reinstall` the same build, unless the change is yours and wanted.",
        modes=("hardlink-write-through",),
        links=("https://github.com/conda/conda/issues/6861",),
    ),
    Entry(
        code="PS121",
        name="altered-shared-file",
        severity="error",
        step="cause",
        title="A file was edited in place that other environments share",
        meaning=(
            "Found by `--deep`, of files that are empty now without it, too: "
            "conda links one file into many environments. One of them was edited in place, so that "
            "the package cache and other environments have the edit as well, and every new one gets it."
        ),
        causes="An editor, `>>`, or a script that patches packages after installation.",
        way_out=(
            "Delete the package's folder in the cache, then `conda install --force-reinstall` the same build in each "
            "environment that the finding names."
        ),
        modes=("hardlink-write-through",),
        links=("https://github.com/conda/conda/issues/6861",),
    ),
)
