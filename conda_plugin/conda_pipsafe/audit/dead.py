"""Distributions that are nothing but links into a cache that was cleared (`uv pip install --link-mode symlink`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.linked import leads_below
from conda_pipsafe.audit.overlap import is_bytecode
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import path_key

_NOT_DATA = frozenset({"conda-meta", "envs", "lib", "lib64", "pkgs"})


def dead_distributions(context: AuditContext) -> Mapping[str, str]:
    """dist-info folders of other installers whose METADATA is a link to nothing: to the folder that it was in."""
    found: dict[str, str] = {}
    for dist in context.snapshot.distributions:
        if dist.kind != "dist-info" or dist.has_metadata or not dist.site.current:
            continue
        path = dist.metadata_path
        owned = path_key(path) in context.snapshot.record_paths
        if not owned and context.disk.is_link(path) and context.disk.dead_links([path]):
            target = os.readlink(os.path.join(context.snapshot.prefix, path))
            tail = f"{os.sep}{os.path.basename(dist.path)}{os.sep}METADATA"
            if os.path.isabs(target) and target.endswith(tail):
                found[dist.path] = target.removesuffix(tail)
    return found


def dead_paths(context: AuditContext, dist: Distribution, origin: str) -> Iterator[str]:
    """What is there of such a distribution: folders of site-packages that hold nothing else, else the links."""
    prefix, site = context.snapshot.prefix, dist.site.path
    for name in sorted(context.disk.names("") - _NOT_DATA):
        if context.disk.is_folder(name):  # a wheel's data
            yield from _inside(prefix, name, origin)[0]
    for name in sorted(context.disk.names(site)):
        path = f"{site}/{name}"
        if path == dist.path:
            yield path
        elif context.disk.is_folder(path):
            links, others = _inside(prefix, path, origin)
            yield from links if others else [path] if links else []
        elif leads_below(prefix, path, origin):
            yield path


def _inside(prefix: str, folder: str, origin: str) -> tuple[list[str], bool]:
    """The links into a folder that is gone, below one of the prefix; and whether anything else is there."""
    links: list[str] = []
    others = False
    for root, _, names in os.walk(os.path.join(prefix, folder)):
        for name in names:
            path = os.path.relpath(os.path.join(root, name), prefix).replace(os.sep, "/")
            if leads_below(prefix, path, origin):
                links.append(path)
            else:
                others = others or not is_bytecode(path)
    return links, others
