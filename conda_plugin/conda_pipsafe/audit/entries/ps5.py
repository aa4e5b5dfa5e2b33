"""PS5xx: metadata that says what is not so."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS501",
        name="duplicate-distributions",
        severity="error",
        step="cause",
        title="Two distributions of one name, neither of them conda's",
        meaning="pip and Python's own tools take one of them at random; the files of both are mixed.",
        causes=(
            "`pip install --ignore-installed`, an interrupted upgrade, or conda forgot its own package (PS106) and "
            "what it left was added to."
        ),
        way_out="`pip uninstall` until it says that the package is not installed, then install one version again.",
        modes=("ignore-installed-dup", "uv-removes-both-duplicates"),
        links=("https://github.com/pypa/pip/issues/5030",),
    ),
    Entry(
        code="PS502",
        name="phantom-distribution",
        severity="error",
        step="leftover",
        title="A distribution without metadata: listed, but not there",
        meaning=(
            "A dist-info folder has no METADATA. `pip list` may show it without a version, `pip install` may say that "
            "the requirement is already satisfied, and the package cannot be imported."
        ),
        causes=(
            "pip wrote over conda's package, and conda removed its files later; an uninstall was interrupted; or uv "
            "linked the files from its cache (`--link-mode symlink`), which was cleared: all of them lead to nothing."
        ),
        way_out=(
            "Delete the folder; `pip uninstall` cannot. Then install the package if you need it. Where its RECORD and "
            "files are still there, `pip install --force-reinstall --ignore-installed --no-deps` the same version: "
            "without its dist-info nobody would own the files."
        ),
        modes=("phantom-dist-info",),
        links=("https://github.com/conda/conda/issues/10357", "https://github.com/pypa/pip/issues/9129"),
    ),
    Entry(
        code="PS503",
        name="unrecorded-distribution",
        severity="warning",
        step="leftover",
        title="A distribution without a list of its files",
        meaning=(
            "A dist-info folder that conda does not own has no RECORD, or one that is cut off. Nobody knows which "
            "files are its own: without any RECORD pip refuses to uninstall or upgrade it, and stops the whole "
            "command; with half of one it leaves files behind."
        ),
        causes=(
            "An installation or a removal was interrupted (a full disk, a crash), or the folder was copied or unpacked "
            "by hand."
        ),
        way_out="`pip install --force-reinstall --ignore-installed --no-deps` the same version writes a RECORD again.",
        modes=("no-record-refusal", "phantom-dist-info"),
    ),
    Entry(
        code="PS504",
        name="husk-package",
        severity="warning",
        step="leftover",
        title="Leftovers that import as an empty package",
        meaning=(
            "A folder in site-packages that nobody owns has no `__init__.py` now. `import` of its name succeeds and "
            "gives an empty package, so that programs fail later, at the first use."
        ),
        causes="conda or pip removed its own files, and bytecode or files that only the other had stayed behind.",
        way_out="Look into the folder, then delete it.",
        modes=("husk-package",),
        links=("https://github.com/pypa/pip/issues/11835",),
    ),
    Entry(
        code="PS505",
        name="interrupted-leftover",
        severity="warning",
        step="leftover",
        title="Halves of packages that pip had set aside",
        meaning=(
            "pip renames what it is about to replace (`pip` to `~ip`) and deletes it when it is done. These were not "
            "deleted: pip warns of an invalid distribution at every command, and they take up room."
        ),
        causes="An interrupted `pip install`; on Windows also a file that was in use.",
        way_out="Delete them. If the package itself is missing or broken, install it again.",
        modes=("windows-locked",),
        links=("https://github.com/pypa/pip/issues/9737",),
    ),
    Entry(
        code="PS506",
        name="overlapping-distributions",
        severity="warning",
        step="cause",
        title="Two distributions of other names wrote the same files",
        meaning=(
            "Two distributions, neither of them conda's, both list the same files with different content. What is "
            "imported is a mixture: the one that was installed last is whole, the other is not, though pip lists both. "
            "Whichever is uninstalled takes the other's files along. Tests and documents that lie beside the packages "
            "by mistake do not count."
        ),
        causes="`pip install opencv-python opencv-contrib-python`, and other pairs that ship one import package.",
        way_out="Decide for one: `pip uninstall` the other, then `pip install --force-reinstall` the one to keep.",
        modes=("foreign-name-overlap",),
        links=("https://github.com/pypa/pip/issues/7282",),
    ),
    Entry(
        code="PS507",
        name="forgotten-distribution",
        severity="warning",
        step="leftover",
        title="A package whose dist-info was deleted is still imported",
        meaning=(
            "The ledger remembers the distribution, and its dist-info is gone, but what is imported lies there as it "
            "was installed. Nobody owns it: pip and conda do not list it, cannot uninstall it, and write over it "
            "without a word. Told only where the ledger saw the distribution, of what has its name and is as old as it."
        ),
        causes="A dist-info folder that was deleted by hand or by a script that clears up, instead of `pip uninstall`.",
        way_out=(
            "`pip install --force-reinstall --no-deps` the same version, so that it has an owner again; then "
            "`pip uninstall` it if you do not want it."
        ),
    ),
    Entry(
        code="PS510",
        name="unmet-requirement",
        severity="error",
        step="consequence",
        title="A package of pip's needs something that is not there",
        meaning="A distribution requires another one that is not installed, or not in a version that meets it.",
        causes="`pip install --no-deps`, `pip uninstall` of something needed, or a conflict that pip only warned of.",
        way_out="Install what is missing, as the finding says.",
    ),
    Entry(
        code="PS512",
        name="unmet-conda-requirement",
        severity="warning",
        step="consequence",
        title="A conda package needs something that conda does not have",
        meaning="The `depends` of a conda package are not met by the conda packages of this environment.",
        causes="`conda remove --force`, `conda install --no-deps`, or a record that vanished.",
        way_out="`conda install` the package that is missing.",
    ),
    Entry(
        code="PS513",
        name="duplicate-record",
        severity="error",
        step="cause",
        title="conda has two records of one package",
        meaning=(
            "`conda-meta` has two files for one package name, and the files of only one of them are there. conda takes "
            "either, by chance, or stops with `CorruptedEnvironmentError`."
        ),
        causes=(
            "A conda command that was killed between removing a package and adding its other version; one environment "
            "that was copied over another."
        ),
        way_out="Delete the record whose files are gone, then `conda install --force-reinstall` the other.",
    ),
    Entry(
        code="PS514",
        name="missing-history",
        severity="error",
        step="cause",
        title="conda takes the environment for none: its history is gone",
        meaning=(
            "`conda-meta` has records and no file `history`, by which conda knows an environment. It refuses every "
            "command with `DirectoryNotACondaEnvironmentError`. What was asked for, and earlier revisions, are "
            "forgotten."
        ),
        causes="A script that clears up, a copy that left files out, a backup of the records alone.",
        way_out="Write an empty one: `touch PREFIX/conda-meta/history`. Then mend the rest.",
    ),
    Entry(
        code="PS515",
        name="broken-pth-file",
        severity="error",
        step="cause",
        title="A .pth file stops Python, or fails at every start",
        meaning=(
            "Python reads the `.pth` files of site-packages when it starts. At one that is no UTF-8 text it stops: "
            "nothing runs in the environment, pip neither. One that imports a module that is not there (a warning) has "
            "it print `Error processing line 1` at every start, and what it should do is not done."
        ),
        causes=(
            "A torn or hand-written file, a path in another encoding, a file that stayed behind when its package was "
            "deleted."
        ),
        way_out=(
            "Delete the file; where a package owns it, install that again. For a missing module: install what "
            "brings it, or uninstall what imports it."
        ),
    ),
    Entry(
        code="PS520",
        name="import-fails",
        severity="warning",
        step="consequence",
        title="A module cannot be imported",
        meaning=(
            "Found by `--imports`: the environment's own Python was asked to import each module that a package "
            "installed; one that fails is tried once more in a process of its own. Some modules need a display, an "
            "account or an optional package: this alone proves no damage. A note where what is missing belongs to an "
            "extra of the package."
        ),
        causes="Any of the other findings, or something that lies outside of the environment.",
        way_out="Mend the other findings first, then look again.",
    ),
)
