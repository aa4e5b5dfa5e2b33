"""Right after a transaction: the guard's pins follow conda before the `pip:` section of `env update` meets them."""

from __future__ import annotations

from typing import Any

from conda_pipsafe.engines import conda_context as engine
from conda_pipsafe.hooks.guard import observing


def pins_action() -> type[Any]:
    """The class of our post-transaction action; made here, where conda is surely loaded."""
    from conda.core.path_actions import Action

    class PinsAction(Action):  # type: ignore[misc]  # conda is untyped for us
        """Writes the pins of an environment that has a guard, and nothing else."""

        def verify(self) -> None:
            """Nothing to say."""
            self._verified = True

        @observing
        def execute(self) -> None:
            """All is linked."""
            if engine.mode() != "off":
                from conda_pipsafe.hooks.commands import refresh_guard

                refresh_guard(str(self.target_prefix))

        def reverse(self) -> None:
            """conda takes its packages back after this: the next look puts the pins right."""

        def cleanup(self) -> None:
            """Nothing was left."""

    return PinsAction
