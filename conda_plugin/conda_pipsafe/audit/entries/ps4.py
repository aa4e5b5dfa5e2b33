"""PS4xx: pip would work elsewhere, or Python looks elsewhere first."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS401",
        name="wrong-pip-on-path",
        severity="warning",
        step="cause",
        title="The pip or python on PATH is not the active environment's",
        meaning=(
            "The environment is active, but `pip` or `python`, typed as it is, runs another one. What it installs does "
            "not arrive in the environment. Told by `status`."
        ),
        causes=(
            "The environment has no pip of its own, so that the next one on PATH is found; a shell start file or a "
            "virtual environment that puts itself before it; pyenv's shims."
        ),
        way_out="`conda pipsafe install`, or the environment's own `python -m pip`; activate the environment again.",
        modes=("wrong-interpreter", "notebook-bang-pip"),
        links=("https://github.com/conda/conda/issues/7033", "https://github.com/conda/conda/issues/10401"),
    ),
    Entry(
        code="PS402",
        name="no-pip",
        severity="note",
        step="cause",
        title="The environment has no pip",
        meaning=(
            "`pip install` in the activated environment runs whatever pip comes next on PATH: base's or the system's, "
            "which installs there. Told by `status`."
        ),
        causes="The environment was created without pip: newer Pythons of conda-forge do not bring it.",
        way_out="`conda install pip`.",
        modes=("wrong-interpreter",),
        links=("https://github.com/conda/conda/issues/8358",),
    ),
    Entry(
        code="PS403",
        name="user-site-shadows",
        severity="warning",
        step="cause",
        title="Packages in the home folder come before the environment's",
        meaning=(
            "Python looks into the user's site-packages before the environment's. Of the packages named here the "
            "environment imports the home folder's copy, whatever conda and pip list. A note where the versions are "
            "the same."
        ),
        causes=(
            "`pip install --user`, or pip's silent fallback to it where an environment could not be written, with any "
            "Python of the same minor version."
        ),
        way_out="Set PYTHONNOUSERSITE=1 for the environment, or uninstall the packages from the home folder.",
        modes=("user-site-shadow", "readonly-falls-to-user"),
        links=("https://github.com/conda/conda/issues/448", "https://github.com/conda/conda/issues/7173"),
    ),
    Entry(
        code="PS404",
        name="pythonpath-shadows",
        severity="warning",
        step="cause",
        title="PYTHONPATH puts other packages before the environment's",
        meaning=(
            "Folders in PYTHONPATH come before the environment's site-packages, for every Python. Distributions there "
            "satisfy pip's requirements, and `pip uninstall` deletes them there. Told by `status`."
        ),
        causes="A shell start file, a module system or an IDE that sets PYTHONPATH.",
        way_out="`unset PYTHONPATH` before working in an environment.",
        modes=("pythonpath-leak",),
    ),
    Entry(
        code="PS405",
        name="pip-redirected",
        severity="warning",
        step="cause",
        title="A setting leads pip's installs elsewhere",
        meaning=(
            "A variable or a pip configuration file sets `user`, `target`, `prefix`, `root` or `python`: `pip install` "
            "ends well and the environment does not have the package. `audit` tells the environment's own file, "
            "`status` the others as well."
        ),
        causes="PIP_USER, PIP_TARGET and the like, or a line in the pip.conf of the user, machine or environment.",
        way_out="Remove the setting; `conda pipsafe install` leaves it aside.",
        modes=("pip-user / pip-target / pip-prefix config",),
        links=("https://github.com/conda/conda/issues/3611",),
    ),
    Entry(
        code="PS406",
        name="unwritable-site-packages",
        severity="warning",
        step="cause",
        title="The environment cannot be written, and pip would not say so",
        meaning=(
            "You may not write into the environment's site-packages. pip then installs into your home folder, where "
            "every environment of the same Python version sees it. Told by `status`."
        ),
        causes="An environment of another user or of the machine.",
        way_out="Make an environment of your own.",
        modes=("readonly-falls-to-user", "multi-user"),
        links=("https://github.com/pypa/pip/issues/7002", "https://github.com/conda/conda/issues/8802"),
    ),
    Entry(
        code="PS407",
        name="base-environment",
        severity="note",
        step="cause",
        title="This is the base environment",
        meaning=("conda itself runs in it. What pip replaces here can stop conda from working. Told by `status`."),
        causes="base is active: by `auto_activate_base`, or since no other environment is.",
        way_out="Install into an environment of its own; `conda config --set auto_activate_base false`.",
        modes=("base-broken-by-pip", "uv-picks-conda-base"),
        links=("https://github.com/conda/conda/issues/12245",),
    ),
    Entry(
        code="PS408",
        name="foreign-kernel",
        severity="warning",
        step="cause",
        title="A notebook kernel runs another environment's Python",
        meaning=(
            "A kernel that Jupyter offers here starts the Python of another environment, or one that is not there. "
            "What a notebook installs with `%pip` goes there."
        ),
        causes=(
            "The environment was copied or renamed; `ipykernel install --user` of another environment under the same "
            "name; a wheel that brings a kernel with its builder's path."
        ),
        way_out="Install the kernel again from this environment: `python -m ipykernel install --prefix PREFIX`.",
        modes=("notebook-bang-pip", "shared-data-overwrite"),
        links=("https://github.com/ipython/ipython/issues/11524",),
    ),
    Entry(
        code="PS409",
        name="broken-constraint",
        severity="error",
        step="cause",
        title="The environment's pip.conf names a file that is not there",
        meaning="Every `pip install` in the environment fails: it cannot open a constraints file.",
        causes="The environment was moved, packed or copied by other means than conda with the guard on.",
        way_out="`conda pipsafe guard on` puts the guard right, `guard off` takes it away.",
    ),
)
