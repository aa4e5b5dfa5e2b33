"""What conda has, or gave, of what pip was asked for: as lines for people, and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conda_pipsafe.audit.wording import listed
from conda_pipsafe.installer.offers import Offer

_FEW = 3


def offer_lines(offers: Sequence[Offer], unread: Mapping[str, str]) -> list[str]:
    """What conda has too, in a line, for an install that takes all from pip."""
    lines = []
    if offers:
        first, more = offers[0], len(offers) - 1
        what = f"{first.name} {first.version}" + (f" and {more} more are" if more else " is")
        where = listed(dict.fromkeys(offer.channel for offer in offers))
        lines.append(f"{what} on {where}: `--conda-first` takes {'them' if more else 'it'} from there")
    if unread:
        where, have = listed(dict.fromkeys(unread.values())), "has" if len(set(unread.values())) == 1 else "have"
        named, them = ("packages", "them") if len(unread) > 1 else ("a package", "it")
        lines.append(f"{where} {have} {named} named {listed(unread, _FEW)}: `--conda-first` looks into {them}")
    return lines


def taken_lines(offers: Sequence[Offer]) -> list[str]:
    """What conda is asked for, one line each."""
    if not offers:
        return ["No channel has anything of this in a version that satisfies: all of it comes from pip."]
    width = max(len(offer.package) for offer in offers)
    lines = [f"From {listed(dict.fromkeys(offer.channel for offer in offers))}, with conda:"]
    for offer in offers:
        notes = [] if offer.package == offer.key else [f"is {offer.name}"]
        notes += [] if offer.named else ["comes with the others"]
        lines.append(f"  {offer.package:<{width}}  {offer.version}  {', '.join(notes)}".rstrip())
    return lines


def offer_json(offer: Offer) -> dict[str, Any]:
    """An offer as JSON values."""
    return {
        "name": offer.name,
        "conda_name": offer.package,
        "version": offer.version,
        "channel": offer.channel,
        "spec": offer.spec,
        "evidence": offer.evidence,
        "named": offer.named,
    }
