"""Which conda channels are looked at for an install, and how."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from conda_pipsafe.engines.conda_context import in_conda
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import PipArguments
from conda_pipsafe.installer.plan import Plan
from conda_pipsafe.prefix.snapshot import Snapshot

if TYPE_CHECKING:
    from conda_pipsafe.engines.channel_look import ChannelLook
    from conda_pipsafe.installer.offers import Looked, Offer

_LOOK_SECONDS = 60.0


class ChannelFinder:
    """Looks for what pip has planned; with conda it starts at once, so that conda loads while pip works.

    Args:
        named: Channels that were named.
        fresh: Ask the channels, not only what conda has on disk.
        folder: A temporary folder.
        stack: Ends the process that looks.
        note: Says what could not be looked at.
    """

    def __init__(
        self, named: Sequence[str], *, fresh: bool, folder: str, stack: ExitStack, note: Callable[[str], None]
    ) -> None:
        self._named = [os.path.abspath(name) if os.path.isdir(name) else name for name in named]
        self._fresh, self._note = fresh, note
        self._look: ChannelLook | None = None
        if fresh and in_conda():
            from conda_pipsafe.engines.channel_look import ChannelLook

            own = os.path.join(folder, "look")
            os.mkdir(own)
            self._look = stack.enter_context(ChannelLook(own))

    def find(
        self, plan: Plan, before: Snapshot, arguments: PipArguments, variables: Mapping[str, str]
    ) -> tuple[tuple[Offer, ...], dict[str, str]]:
        """What the channels offer of a plan, and names that they have but that were not looked into, with the channel.

        Args:
            plan: pip's plan.
            before: The environment.
            arguments: What pip was asked.
            variables: pip's environment variables.
        """
        from conda_pipsafe.installer.offers import conda_names, find_offers, unread_names, wishes

        wanted = wishes(plan, before, arguments, variables)
        looked = self._looked(conda_names(wanted), before) if wanted else None
        if looked is None:
            return (), {}
        for note in looked.notes if self._fresh else ():
            self._note(note)
        offers = find_offers(wanted, looked, before)
        return offers, unread_names(wanted, looked, offers)

    def channels(self, before: Snapshot) -> list[str]:
        """Those that were named; outside of conda, whose settings are not known, else those of what is installed."""
        if self._named or in_conda():
            return self._named
        urls = [record.url.rsplit("/", 2)[0] for record in before.records if record.url]
        return [url for url, _ in Counter(urls).most_common()]

    def _looked(self, names: Sequence[str], before: Snapshot) -> Looked | None:
        if self._look is not None:
            looked = self._look.ask(names, self.channels(before), seconds=_LOOK_SECONDS)
            if looked is None:
                self._note("conda's channels could not be looked at in time: all of this comes from pip")
            return looked
        if self._fresh:
            return self._looked_by_rattler(names, before)
        from conda_pipsafe.engines.channel_look import look_at_cache

        try:
            return look_at_cache(names, self.channels(before))
        except Exception:  # noqa: BLE001 - a hint is worth no error
            return None

    def _looked_by_rattler(self, names: Sequence[str], before: Snapshot) -> Looked | None:
        from conda_pipsafe.engines.rattler import look_at_channels

        channels = self.channels(before)
        if not channels:
            self._note("no conda channel is known here: name one with --channel")
            return None
        try:
            return look_at_channels(names, channels, seconds=_LOOK_SECONDS)
        except PipsafeError as error:
            self._note(f"{error.message}: all of this comes from pip")
            return None
