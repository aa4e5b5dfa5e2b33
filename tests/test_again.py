"""What is installed again comes from where it came from: never a stranger's package of that name from an index."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.fixes import NOWHERE
from conda_pipsafe.installer.removal import plan_removal
from conda_pipsafe.ledger.events import DistState, Source
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.pasting import commands_in
from support.prefixes import SITE, PrefixFactory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX systems")

COMMIT = "c0ffee" + 34 * "0"
INFO = f"{SITE}/mine-1.0.dist-info"
SOURCES: list[tuple[object, list[str]]] = [
    (None, ["mine==1.0"]),
    ({"url": "https://x.test/m.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}},
     [f"mine @ git+https://x.test/m.git@{COMMIT}"]),
    ({"url": "https://x.test/my%20mine-1.0.zip", "archive_info": {}, "subdirectory": "pkg"},
     ["mine @ https://x.test/my%20mine-1.0.zip#subdirectory=pkg"]),
    ({"url": "file:///my%20work", "dir_info": {"editable": True}}, ["-e", "/my work"]),
    ([], []),  # no direct URL: it came from one, and nothing says from which
]  # fmt: skip


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "my env")


def metadata_gone(make: PrefixFactory) -> str:
    (make.root / INFO / "METADATA").unlink()
    return "PS502"


def record_gone(make: PrefixFactory) -> str:
    (make.root / INFO / "RECORD").unlink()
    return "PS503"


def links_to_nothing(make: PrefixFactory) -> str:
    for path in (f"{INFO}/METADATA", f"{SITE}/mine/__init__.py"):
        (make.root / path).unlink()
        (make.root / path).symlink_to(make.root.parent / "cache" / "archive" / path.removeprefix(f"{SITE}/"))
    return "PS502"


def metadata_is_a_folder(make: PrefixFactory) -> str:
    (make.root / INFO / "METADATA").unlink()
    (make.root / INFO / "METADATA").mkdir()
    return "PS901"


def file_gone(make: PrefixFactory) -> str:
    (make.root / SITE / "mine/__init__.py").unlink()
    return "PS202"


def older_one_beside(make: PrefixFactory) -> str:
    make.pip_dist("mine", "0.9", files={"mine/old.py": ""})
    return "PS501"


DAMAGES = [metadata_gone, record_gone, links_to_nothing, metadata_is_a_folder, file_gone, older_one_beside]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize(("direct_url", "words"), SOURCES, ids=["index", "git", "archive", "checkout", "unknown"])
def test_what_audit_offers(
    make: PrefixFactory, direct_url: object, words: list[str], damage: Callable[[PrefixFactory], str]
) -> None:
    install(make, direct_url)
    code = damage(make)
    findings = engine.audit(AuditContext(read_snapshot(str(make.root)))).findings
    fix = next(item.fixes for item in findings if item.code == code and item.paths[0] != f"{INFO}/direct_url.json")[-1]
    if words:
        assert commands_in(fix) == [fix]
        assert shlex.split(fix)[-len(words) :] == words
        assert f"{make.root}/bin/python" in shlex.split(fix)
    else:
        assert fix == NOWHERE


@pytest.mark.parametrize(("direct_url", "words"), SOURCES, ids=["index", "git", "archive", "checkout", "unknown"])
def test_what_uninstall_offers(make: PrefixFactory, direct_url: object, words: list[str]) -> None:
    install(make, direct_url)
    record_gone(make)
    snapshot = read_snapshot(str(make.root))
    (refused,) = plan_removal(snapshot, ["mine"], keep_shared=False, override_frozen=False).refused
    *again, away = [fix.partition(": ")[2] for fix in refused.fixes]
    assert shlex.split(away) == ["rm", "-r", str(make.root / INFO)]
    offered = [shlex.split(command.partition(" && ")[0])[-len(words) :] for command in again]
    assert offered == ([words] if words else [])


def test_an_egg_info_goes_before_its_like_is_installed(make: PrefixFactory) -> None:
    make.write(f"{SITE}/mine-1.0-py3.12.egg-info", "Metadata-Version: 1.1\nName: mine\nVersion: 1.0\n")
    snapshot = read_snapshot(str(make.root))
    (refused,) = plan_removal(snapshot, ["mine"], keep_shared=False, override_frozen=False).refused
    first, again, then = refused.fixes[0].partition(": ")[2].split(" && ")
    assert shlex.split(first) == ["rm", "-r", f"{make.root}/{SITE}/mine-1.0-py3.12.egg-info"]
    assert again.endswith(" mine==1.0")
    assert shlex.split(then) == ["conda", "pipsafe", "uninstall", "-p", str(make.root), "mine"]


def test_of_two_the_newest_comes_again(make: PrefixFactory) -> None:
    """Versions are numbers; what is none counts least."""
    for version in ("9.0", "10.0", "odd"):
        make.pip_dist("mine", version)
    (finding,) = [
        item for item in engine.audit(AuditContext(read_snapshot(str(make.root)))).findings if item.code == "PS501"
    ]
    assert finding.fixes[-1].endswith(" mine==10.0")


@pytest.mark.parametrize(
    ("source", "spec"),
    [
        (Source("unknown"), "mine==1.0"),
        (Source("index", "https://files.test/mine-1.0-py3-none-any.whl"), "mine==1.0"),
        (Source("direct-url", "https://x.test/m.git", revision=COMMIT), f"mine @ git+https://x.test/m.git@{COMMIT}"),
        (
            Source("direct-url", "ssh://git@x.test/m.git", revision=COMMIT),
            f"mine @ git+ssh://git@x.test/m.git@{COMMIT}",
        ),
        (Source("direct-url", "https://x.test/mine-1.0.zip", hash="sha256=00"), "mine @ https://x.test/mine-1.0.zip"),
        (Source("direct-url", "https://x.test/svn/m", revision="1234567"), None),
        (Source("direct-url"), None),
    ],
)
def test_what_the_ledger_remembers(make: PrefixFactory, source: Source, spec: str | None) -> None:
    make.write(f"{SITE}/mine.py")
    state = DistState("mine", "mine", "1.0", f"{SITE}/mine-1.0.dist-info", "pip", True, "pip", source,
                      written="2100-01-01T00:00:00Z")  # fmt: skip
    (finding,) = engine.audit(AuditContext(read_snapshot(str(make.root)), forgotten=(state,))).findings
    assert finding.code == "PS507"
    (fix,) = finding.fixes
    assert (fix == NOWHERE) if spec is None else (shlex.split(fix)[-1] == spec)


def install(make: PrefixFactory, direct_url: object) -> None:
    info = make.pip_dist("mine")
    if direct_url is not None:
        (info / "direct_url.json").write_text(json.dumps(direct_url))
        with (info / "RECORD").open("a") as record:
            record.write("mine-1.0.dist-info/direct_url.json,,\n")
