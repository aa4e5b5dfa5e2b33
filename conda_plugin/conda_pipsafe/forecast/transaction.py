"""A transaction: what one conda operation links and unlinks, whoever solved it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LinkedPackage:
    """A conda package that the transaction brings.

    Attributes:
        paths: What it will write, prefix-relative; None when the package is not downloaded yet, so that only its
            name is known.
        distributions: The Python distributions that it brings: canonical name to version. Guessed from the conda
            name and version when `paths` is None.
        scripts: Console scripts that conda will make for it (`noarch: python`), path to `module:function`.
        sources: Where in the package cache each path is linked from, absolute. A path that is that very file already
            (a hard link, linked again) stays as it is.
        compiled: Where the module lies that each `.pyc` is compiled from. Python's compiler leaves one alone whose
            header has the module's time already.
    """

    name: str
    version: str
    build: str
    channel: str
    paths: frozenset[str] | None
    distributions: Mapping[str, str]
    scripts: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    compiled: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def spec(self) -> str:
        """The exact spec by which conda finds it again."""
        return f"{self.name}={self.version}={self.build}"


@dataclass(frozen=True, slots=True)
class UnlinkedPackage:
    """A package that the transaction takes away: its record's name and the paths that conda will delete.

    Attributes:
        of_pip: pip's: conda uninstalls it itself (`prefix_data_interoperability`).
    """

    name: str
    version: str
    build: str
    paths: frozenset[str]
    of_pip: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """One conda operation on one prefix.

    Attributes:
        prefix: The prefix that is changed.
        python_before: The environment's Python as `3.12`; None when it has none.
        python_after: The same once the transaction is done.
        site_before: The site-packages folder in use, prefix-relative.
        site_after: The same once the transaction is done.
        deletes_prefix: The whole prefix goes (`conda remove --all`).
        links: Packages are hard-linked where they can be; not so where conda is told to copy them (`--copy`).
    """

    prefix: str
    link: tuple[LinkedPackage, ...]
    unlink: tuple[UnlinkedPackage, ...]
    python_before: str | None = None
    python_after: str | None = None
    site_before: str | None = None
    site_after: str | None = None
    deletes_prefix: bool = False
    links: bool = True

    @property
    def exact(self) -> bool:
        """Whether the paths of every package are known."""
        return all(package.paths is not None for package in self.link)
