"""Create an environment from local channels, with py-rattler or with a given conda.

Both are kept apart from the user's own settings, caches and registered environments: whatever is
written goes below the prefix and the working folder that the caller names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conda_pipsafe.demo.python_package import WINDOWS

if TYPE_CHECKING:
    from conda_pipsafe.demo.channel import Channel

# Settings of the caller's shell that would reach into another environment.
_SCRUBBED_PREFIXES = ("PIP_", "PYTHON", "CONDA_", "_CE_", "_CONDA_", "MAMBA_", "UV_")
#: How pip reaches an index: an install from there needs them as the user has them.
PIP_NETWORK = frozenset({
    "PIP_CERT", "PIP_CLIENT_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS",
    "PIP_INDEX_URL", "PIP_NO_INDEX", "PIP_PROXY", "PIP_RETRIES", "PIP_TRUSTED_HOST",
})  # fmt: skip
_SCRUBBED = frozenset({"CONDARC", "VIRTUAL_ENV", "PYTHONHOME", "__PYVENV_LAUNCHER__"})


def find_conda() -> Path | None:
    """Return the user's conda: ``CONDA_EXE``, else the one on ``PATH``; None without any."""
    named = os.environ.get("CONDA_EXE", "")
    if named and Path(named).is_file() and os.access(named, os.X_OK):
        return Path(named)
    found = shutil.which("conda")
    return Path(found) if found else None


def clean_environment(extra: Mapping[str, str] | None = None, keep: Collection[str] = ()) -> dict[str, str]:
    """Return the environment variables without those that steer Python, pip, conda or uv.

    Args:
        extra: variables to set afterwards.
        keep: variables to leave, such as `PIP_NETWORK` for a pip that asks the user's index.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in keep or not (name in _SCRUBBED or name.startswith(_SCRUBBED_PREFIXES))
    }
    return {**kept, **(extra or {})}


def conda_environment(work: Path, channels: Sequence[Channel]) -> dict[str, str]:
    """Return environment variables for a conda that knows these channels and nothing else.

    conda then has its package cache, its environments, its home and the user's settings
    (``work/condarc``, written here if it is missing) below ``work``. Settings of the installation
    itself are still read; ``--override-channels`` shuts out channels that stand there.

    Args:
        work: the working folder; made if missing.
        channels: the only channels, in order of priority.
    """
    home, condarc = work / "home", work / "condarc"
    home.mkdir(parents=True, exist_ok=True)
    if not condarc.exists():
        urls = [channel.url for channel in channels]
        settings: dict[str, Any] = {
            "channels": urls,
            "default_channels": urls,
            # An installer's own settings may add these by name: they mean the same channels here.
            "custom_multichannels": {"conda-forge": urls, "defaults": urls},
            "number_channel_notices": 0,
            "notify_outdated_conda": False,
            "auto_update_conda": False,
            "report_errors": False,
            "register_envs": False,
        }
        # JSON is YAML: no YAML library is needed.
        condarc.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return clean_environment({
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "CONDARC": str(condarc),
        "CONDA_PKGS_DIRS": str(work / "conda-pkgs"),
        "CONDA_ENVS_PATH": str(work / "envs"),
    })  # fmt: skip


def create(
    prefix: Path,
    specs: Sequence[str],
    channels: Sequence[Channel],
    work: Path,
    conda: Path | None = None,
) -> None:
    """Create an environment, with conda if one is given, else with py-rattler.

    Args:
        prefix: the new environment's folder.
        specs: match specs.
        channels: where packages come from, in order of priority.
        work: folder for caches and settings; on the prefix's filesystem, files are links.
        conda: conda's executable.

    Raises:
        RuntimeError: there is no solution, or the environment could not be made.
    """
    if conda is None:
        create_with_rattler(prefix, specs, channels, work)
    else:
        create_with_conda(conda, prefix, specs, channels, work)


def create_with_conda(conda: Path, prefix: Path, specs: Sequence[str], channels: Sequence[Channel], work: Path) -> None:
    """Create an environment with conda. Arguments and errors: see `create`."""
    command = [str(conda), "create", "--prefix", str(prefix), "--yes", "--quiet"]
    command.append("--override-channels")
    for channel in channels:
        command += ["--channel", channel.url]
    environment = conda_environment(work, channels)
    done = subprocess.run(
        [*command, *specs],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"{conda} could not create {prefix} with {' '.join(specs)} (exit "
            f"{done.returncode}):\n{done.stdout}{done.stderr}"
        )


def create_with_rattler(prefix: Path, specs: Sequence[str], channels: Sequence[Channel], work: Path) -> None:
    """Create an environment with py-rattler. Arguments and errors: see `create`.

    The history gets what conda writes there, so that conda knows what was asked for and can work
    on the environment.
    """
    import asyncio

    try:
        installed = asyncio.run(_solve_and_install(prefix, specs, channels, work))
    except ImportError as error:
        raise RuntimeError(
            "py-rattler is not installed, and no conda was given: pip install 'conda-pipsafe[standalone]'"
        ) from error
    except _rattler_failures() as error:
        urls = ", ".join(channel.url for channel in channels)
        raise RuntimeError(f"cannot create {prefix} with {' '.join(specs)} from {urls}: {error}") from error
    write_history(prefix, installed, specs)


def write_history(prefix: Path, installed: Sequence[str], specs: Sequence[str]) -> None:
    """Append a transaction to ``conda-meta/history`` as conda writes it.

    Args:
        prefix: the environment.
        installed: ``CHANNEL/SUBDIR::NAME-VERSION-BUILD`` of each package.
        specs: what was asked for; conda holds to it later.
    """
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    lines = [f"==> {now} <==", f"# cmd: pipsafe create -p {prefix} {' '.join(specs)}"]
    lines += [f"+{dist}" for dist in sorted(installed)]
    lines.append(f"# update specs: {list(specs)!r}")
    with (prefix / "conda-meta" / "history").open("a", encoding="utf-8") as history:
        history.write("".join(f"{line}\n" for line in lines))


def python_of(prefix: Path) -> Path:
    """Return the path of an environment's Python."""
    return prefix / ("python.exe" if WINDOWS else "bin/python")


def scripts_of(prefix: Path) -> Path:
    """Return the folder of an environment's scripts."""
    return prefix / ("Scripts" if WINDOWS else "bin")


def _rattler_failures() -> tuple[type[Exception], ...]:
    """Return py-rattler's exceptions, which share no base class, and OSError."""
    from rattler import exceptions

    own = [value for name, value in vars(exceptions).items() if name.endswith("Error")]
    return (OSError, *own)


async def _solve_and_install(prefix: Path, specs: Sequence[str], channels: Sequence[Channel], work: Path) -> list[str]:
    """Solve and install; return ``CHANNEL/SUBDIR::NAME-VERSION-BUILD`` of each package."""
    import rattler

    work.mkdir(parents=True, exist_ok=True)
    records = await rattler.solve(
        [channel.url for channel in channels],
        list(specs),
        gateway=rattler.Gateway(cache_dir=work / "rattler-repodata"),
    )
    wanted = [rattler.MatchSpec(spec) for spec in specs]
    options: dict[str, Any] = {
        "cache_dir": work / "rattler-pkgs",
        "installed_packages": [],
        "execute_link_scripts": False,
        "show_progress": False,
    }
    try:
        await rattler.install(records, prefix, requested_specs=wanted, **options)
    except TypeError:
        # py-rattler up to 0.28 hands the list on as it is, to code that wants the inner objects.
        inner = [spec._match_spec for spec in wanted]  # noqa: SLF001
        await rattler.install(records, prefix, requested_specs=inner, **options)
    return [
        f"{str(record.channel).rstrip('/')}/{record.subdir}::{record.name.normalized}-{record.version}-{record.build}"
        for record in records
    ]
