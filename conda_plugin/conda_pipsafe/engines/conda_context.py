"""What conda knows of the running command: its prefix, its options, our setting.

Imports nothing: hooks ask this before they know whether there is anything to do.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Literal

Mode = Literal["warn", "prompt", "block", "off"]
MODES: tuple[Mode, ...] = ("warn", "prompt", "block", "off")


def in_conda() -> bool:
    """Whether we run inside of conda, as `conda pipsafe`."""
    return "conda" in sys.modules


def mode() -> Mode:
    """The setting `plugins: pipsafe_mode`; only its variable where this conda has no plugin settings (before 24.3).

    A word that is none of `MODES` must not switch anything off: it counts as `warn`, and `mode_problem` says so.
    """
    return _mode(_mode_word()) or "warn"


def mode_problem() -> str | None:
    """What is wrong with the setting, for people; None when it is one of the words."""
    word = _mode_word()
    if _mode(word) is not None:
        return None
    return f"conda-pipsafe: pipsafe_mode {word!r} is none of {', '.join(MODES)}; it counts as warn"


def _mode(word: str) -> Mode | None:
    folded = word.strip().lower()
    # YAML 1.1 tools write `off` as false.
    return next((known for known in MODES if known == ("off" if folded == "false" else folded)), None)


def _mode_word() -> str:
    from conda.base.context import context

    if hasattr(context, "plugins"):
        return str(getattr(context.plugins, "pipsafe_mode", "warn"))
    return os.environ.get("CONDA_PLUGINS_PIPSAFE_MODE", "warn")


def conda_first() -> bool:
    """The setting `plugins: pipsafe_conda_first`; false where this conda has no plugin settings, or cannot give it."""
    from conda.base.context import context
    from conda.exceptions import CondaError

    try:
        return is_yes(str(getattr(context.plugins, "pipsafe_conda_first", "")))
    except (CondaError, AttributeError):
        return False


def is_yes(word: str) -> bool:
    """Whether a setting says yes, as conda reads it from YAML and from variables."""
    return word.strip().lower() in {"1", "true", "yes", "on", "y"}


def version_and_hooks() -> tuple[str, bool, Mode]:
    """This conda's version, whether it has our hooks (a plugin can fail to load silently), and the mode."""
    import conda
    from conda.base.context import context

    plugins = context.plugin_manager.get_plugins()
    registered = any(getattr(plugin, "__name__", "") == "conda_pipsafe.plugin" for plugin in plugins)
    return str(conda.__version__), registered, mode()


def shows_transactions() -> bool:
    """Whether this conda has hooks that see a transaction before it is carried out (since 25.5)."""
    import conda.plugins.types

    return hasattr(conda.plugins.types, "CondaPreTransactionAction")


def way_off() -> str:
    """What sets the mode to `off`: `conda config` knows the settings of plugins since 25.5."""
    if shows_transactions():  # which came with the same version
        return "conda config --set plugins.pipsafe_mode off"
    return "export CONDA_PLUGINS_PIPSAFE_MODE=off" if os.name != "nt" else "set CONDA_PLUGINS_PIPSAFE_MODE=off"


def target_prefix() -> str | None:
    """The prefix that the running command is about; None when conda cannot tell."""
    from conda.base.context import context
    from conda.exceptions import CondaError

    try:
        prefix = context.target_prefix
    except (CondaError, ValueError):
        return None
    return os.path.abspath(str(prefix)) if prefix else None


def root_prefix() -> str:
    """The environment that conda itself is installed in."""
    from conda.base.context import context

    return os.path.abspath(str(context.root_prefix))


def arguments() -> Any:  # noqa: ANN401 - conda's parsed command line, an argparse namespace or a dictionary with attributes
    """The running command's parsed options, as conda keeps them; attributes may be missing."""
    from conda.base.context import context

    return context._argparse_args  # noqa: SLF001 - conda has no public name for it


def erases_records() -> bool:
    """Whether every command reads environments in the way that erases the records of what pip replaced."""
    from conda.base.context import context

    return bool(getattr(context, "prefix_data_interoperability", getattr(context, "pip_interop_enabled", False)))


def may_ask() -> bool:
    """Whether a person can be asked now: a terminal, and neither `--yes` nor `--json` nor a dry run."""
    import sys

    from conda.base.context import context

    return sys.stdin.isatty() and not (context.always_yes or context.json or context.dry_run or context.quiet)


def shows_progress() -> bool:
    """Whether conda says what it is at in a line that it goes on with: not so with `--json`."""
    from conda.base.context import context

    return not context.json


def is_dry_run() -> bool:
    """Whether the running command changes nothing, by option or by setting."""
    from conda.base.context import context

    return bool(context.dry_run)


def replaces(command: str, options: Any) -> bool:  # noqa: ANN401 - argparse's namespace
    """Whether a command makes an environment in the place of one that is there: it deletes that first.

    `env create` before 26.7, which the hooks know by a name of its own, does so only with `--yes`.
    """
    return command == "create" or (command == "env_create" and bool(getattr(options, "yes", False)))


def is_verbose() -> bool:
    """Whether the user asked to be told more (`-v`)."""
    from conda.base.context import context

    return int(getattr(context, "verbosity", 0) or 0) > 0


def only_downloads() -> bool:
    """Whether the running command ends once its packages are downloaded (`--download-only`)."""
    from conda.base.context import context

    return bool(context.download_only)


def prefix_of_file(path: object) -> str | None:
    """The environment that an environment file names, for commands that were given no name or prefix.

    Returns:
        Its absolute path, or None when the file has no name or conda cannot read it (conda says so itself).
    """
    from conda.exceptions import CondaError

    from conda_pipsafe.engines.conda_compat import prefix_of_name, read_environment_file

    source = path[0] if isinstance(path, (list, tuple)) and path else path
    if not isinstance(source, str) or not os.path.isfile(source):
        return None
    try:
        name = read_environment_file(source).name
        return prefix_of_name(name) if name else None
    except (CondaError, AttributeError, ValueError):
        return None


def prefix_of_destination(destination: object) -> str | None:
    """The environment that the last word of `rename` names, there or not; None when conda refuses the word."""
    from conda.exceptions import CondaError

    from conda_pipsafe.engines.conda_compat import prefix_of_name

    if not isinstance(destination, str) or not destination:
        return None
    try:
        named = destination if os.sep in destination else prefix_of_name(destination)
    except (CondaError, ValueError):
        return None
    return os.path.abspath(os.path.expanduser(named))


def prefix_of_clone(clone: str) -> str | None:
    """The environment that `--clone NAME_OR_PATH` names, as conda finds it; None when there is none."""
    from conda.base.context import locate_prefix_by_name
    from conda.exceptions import CondaError

    try:
        if os.sep in clone or "/" in clone:
            return os.path.abspath(os.path.expanduser(clone))
        return str(locate_prefix_by_name(clone))
    except (CondaError, ValueError):
        return None


def ignored_entries() -> tuple[str, ...]:
    """The entries of the setting `plugins: pipsafe_ignore`; none where conda cannot give it."""
    from conda.base.context import context
    from conda.exceptions import CondaError

    try:
        return tuple(str(entry) for entry in getattr(context.plugins, "pipsafe_ignore", None) or ())
    except (CondaError, AttributeError):
        return ()


def audit_settings() -> tuple[tuple[str, ...], tuple[str, ...], str | None] | None:
    """The settings `plugins: pipsafe_audit_…`: select, ignore, fail_on; None where conda cannot give them.

    Plugins have settings since conda 24.3.
    """
    from conda.base.context import context
    from conda.exceptions import CondaError

    try:
        plugins = context.plugins
        select, ignore = (
            tuple(str(entry) for entry in getattr(plugins, f"pipsafe_audit_{name}") or ())
            for name in ("select", "ignore")
        )
        return select, ignore, str(plugins.pipsafe_audit_fail_on or "") or None
    except (CondaError, AttributeError):
        return None


def envs_dirs() -> tuple[str, ...]:
    """The folders in which conda looks for environments; none where it cannot say."""
    from conda.base.context import context
    from conda.exceptions import CondaError

    try:
        return tuple(map(str, context.envs_dirs))
    except (CondaError, AttributeError):
        return ()


def name_of(prefix: str) -> str | None:
    """The name by which conda knows an environment; None for one that it knows by its path only."""
    from conda.base.context import env_name

    name = env_name(prefix)
    return str(name) if name and str(name) != prefix else None
