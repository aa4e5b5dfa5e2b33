"""PS6xx: binaries that do not go together."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS601",
        name="numpy-abi",
        severity="error",
        step="consequence",
        title="pip's NumPy is outside of what compiled conda packages were built for",
        meaning=(
            "conda packages with compiled modules say which NumPy they were built for, and pip put another one there. "
            "Importing them fails (`numpy.dtype size changed`, `A module that was compiled using NumPy 1.x`), or "
            "they crash."
        ),
        causes="`pip install` of something that needs another NumPy: pip does not know what conda's packages need.",
        way_out="`pip uninstall numpy`, then `conda install --force-reinstall` conda's build.",
        modes=("numpy-abi",),
        links=("https://github.com/spyder-ide/spyder/issues/23832",),
    ),
    Entry(
        code="PS602",
        name="duplicate-runtime",
        severity="warning",
        step="leftover",
        title="A wheel brings a runtime library that conda has too",
        meaning=(
            "A process that loads both has two copies. Two of Intel's or LLVM's OpenMP abort it (`OMP: Error #15`), "
            "two of MKL compute with mixed parts: a warning. GNU's OpenMP and the C++ library beside conda's mostly "
            "get along, at the price of threads: a note."
        ),
        causes="Wheels bundle what they need (`NAME.libs`, `.dylibs`), since they cannot rely on conda's packages.",
        way_out="Take the package from conda, or everything that shares the library from pip.",
        modes=("duplicate-runtimes", "glibcxx"),
        links=("https://github.com/pytorch/pytorch/issues/44282", "https://github.com/pytorch/pytorch/issues/78490"),
    ),
)
