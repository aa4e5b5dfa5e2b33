"""What conda's versions from 24.1 on call by different names: environments, and the files that describe them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.engines.conda_context import erases_records


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """An environment file as conda reads it.

    Attributes:
        name: The environment that it names.
        specs: What it asks conda for (`MatchSpec`, or `PackageRecord` of an explicit list).
        requested: Of these how many the solver is asked for.
        pip: The lines of its `pip:` section.
    """

    name: str | None
    specs: tuple[Any, ...]
    requested: int
    pip: tuple[str, ...]


def read_environment_file(file: str) -> EnvironmentFile:
    """Read an environment file by conda's own specifiers.

    Raises:
        Exception: Whatever conda raises over a file that it cannot read.
    """
    from conda.base.context import context

    if not hasattr(context.plugin_manager, "get_environment_specifier"):
        return _read_older(file)
    hook = context.plugin_manager.get_environment_specifier(source=file, name=context.environment_specifier)
    found = hook.environment_spec(file).env_for(context.subdir)
    requested = tuple(found.requested_packages or ())
    pip = (getattr(found, "external_packages", None) or {}).get("pip") or ()
    specs = (*requested, *(found.explicit_packages or ()))
    return EnvironmentFile(found.name, specs, len(requested), tuple(map(str, pip)))


def _read_older(file: str) -> EnvironmentFile:
    """As the `conda env` of before 25.9 does."""
    from conda.env.specs import detect
    from conda.models.match_spec import MatchSpec

    found = detect(filename=file).environment
    specs = tuple(MatchSpec(spec) for spec in found.dependencies.get("conda") or ())
    pip = tuple(map(str, found.dependencies.get("pip") or ()))
    return EnvironmentFile(found.name, specs, len(specs), pip)


@contextmanager
def prefix_data(prefix: str) -> Iterator[Any]:
    """conda's `PrefixData` of an environment, never with interoperability: that erases records."""
    from pathlib import Path

    from conda.core.prefix_data import PrefixData

    known = set(PrefixData._cache_)
    # The second parameter was `pip_interop_enabled` before 25.5.
    yield PrefixData(prefix, False)  # noqa: FBT003 - its name is not the same in all versions
    # Before 25.5 the path alone is the key: conda itself would get ours, though it may be told to read otherwise. Else
    # it does get ours: the records of a large environment take it a second.
    if Path(prefix) not in known and erases_records():
        PrefixData._cache_.pop(Path(prefix), None)


def existing_environment(name_or_path: str) -> str:
    """The path of an environment that has to be there.

    Raises:
        conda.exceptions.CondaError: There is none; conda's own words.
    """
    from conda.base.context import locate_prefix_by_name
    from conda.core.prefix_data import PrefixData
    from conda.exceptions import EnvironmentLocationNotFound

    is_path = os.sep in name_or_path or "/" in name_or_path
    path = os.path.abspath(os.path.expanduser(name_or_path)) if is_path else str(locate_prefix_by_name(name_or_path))
    if hasattr(PrefixData, "assert_environment"):
        PrefixData(path).assert_environment()
    elif not os.path.isfile(os.path.join(path, "conda-meta", "history")):
        raise EnvironmentLocationNotFound(path)
    return path


def prefix_of_name(name: str) -> str:
    """Where an environment of a name is, or would be made.

    Raises:
        conda.exceptions.CondaError: When conda takes the word for no name.
        ValueError: The same.
    """
    from conda.base.context import context
    from conda.core.prefix_data import PrefixData

    if hasattr(PrefixData, "from_name"):
        return str(PrefixData.from_name(name).prefix_path)
    from conda.base.context import validate_prefix_name

    return str(validate_prefix_name(name, ctx=context, allow_base=True))


def channel_index(prefix: str, options: Any, repodata: str) -> Any:  # noqa: ANN401 - conda's
    """conda's index of what the command's channels have.

    Args:
        prefix: The environment.
        options: The command's parsed options.
        repodata: The name of the repodata file.
    """
    from conda.base.context import context
    from conda.core import index

    words = {
        "prepend": not getattr(options, "override_channels", False),
        "use_local": bool(getattr(options, "use_local", False)),
        "prefix": prefix,
        "repodata_fn": repodata,
    }
    if hasattr(index, "Index"):  # since 24.11
        return index.Index(channels=context.channels, **words)
    return index.get_index(channel_urls=context.channels, **words)
