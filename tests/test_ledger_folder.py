"""Where the ledger may be written, by whom, and what stays as it was when it cannot."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conda_pipsafe.ledger.events import DistState, Event, Source
from conda_pipsafe.ledger.folder import LedgerError, ensure_folder, open_for_append, write_atomically
from conda_pipsafe.ledger.store import open_ledger
from support.ledger_prefix import HandMade

NOBODY = 65534


@pytest.fixture
def made(tmp_path: Path) -> HandMade:
    return HandMade(tmp_path / "env")


def event(version: str, name: str = "alpha", kind: str = "installed", **data: object) -> Event:
    dist = DistState(name, name, version, f"site/{name}-{version}", "pip", True, "pip", Source("unknown"))
    return Event("2026-01-01T00:00:00Z", kind, "observed", "likely", dist=dist, data=data)  # type: ignore[arg-type]


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's power to write everywhere; whoever runs the tests as a user has none."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_made() -> Iterator[HandMade]:
    """An environment that another user can reach: pytest's own folders are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield HandMade(Path(folder) / "env")


def test_a_prefix_that_is_no_environment_is_served_without_ledger(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path))
    assert (ledger.writable, ledger.events()) == (False, [])
    assert ledger.why_not == f"{tmp_path} has no conda-meta folder"
    with pytest.raises(LedgerError, match="nothing can be recorded"):
        ledger.append([event("1.0")])
    with pytest.raises(LedgerError, match="nothing can be recorded"):
        write_atomically(str(tmp_path), "conda-meta/pipsafe/x", b"")


def test_a_file_in_the_place_of_the_folder_is_left_alone(made: HandMade) -> None:
    made.ledger.parent.write_text("mine")
    assert open_ledger(made.path).why_not == "conda-meta/pipsafe is not a folder"
    assert open_ledger(made.path).events() == []


@pytest.mark.parametrize("name", ["ledger.jsonl", "lock"])
@pytest.mark.parametrize("make", ["folder", "pipe", "link out", "link within"])
def test_nothing_but_a_regular_file_is_written(made: HandMade, tmp_path: Path, name: str, make: str) -> None:
    path = ensure_folder(made.path) + "/" + name
    target = (tmp_path if make == "link out" else made.root) / "target"
    target.write_text("precious")
    if make == "folder":
        os.mkdir(path)
    elif make == "pipe":
        os.mkfifo(path)
    else:
        os.symlink(target, path)
    ledger = open_ledger(made.path)
    assert ledger.why_not == f"conda-meta/pipsafe/{name} is not a regular file"
    with pytest.raises(LedgerError, match="is not a regular file"):
        ledger.append([event("1.0")])
    assert target.read_text() == "precious"


def test_a_folder_linked_out_of_the_environment_is_not_written(made: HandMade, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    made.ledger.parent.symlink_to(outside)
    assert open_ledger(made.path).why_not == "conda-meta/pipsafe is not a folder"
    made.ledger.parent.unlink()
    (made.root / "conda-meta").rename(outside / "meta")
    (made.root / "conda-meta").symlink_to(outside / "meta")
    assert "leads out of the environment" in str(open_ledger(made.path).why_not)
    assert not (outside / "meta/pipsafe").exists()


def test_a_deeper_folder_that_is_a_link_is_not_written(made: HandMade, tmp_path: Path) -> None:
    folder = Path(ensure_folder(made.path))
    (folder / "vault").symlink_to(tmp_path)
    with pytest.raises(LedgerError, match="is not a folder"):
        write_atomically(made.path, "conda-meta/pipsafe/vault/x", b"")


def test_without_permission_it_is_read_but_not_written(shared_made: HandMade) -> None:
    made = shared_made
    (made.root / "conda-meta").chmod(0o555)
    with as_nobody():
        assert open_ledger(made.path).why_not == "no permission to write in conda-meta"
    (made.root / "conda-meta").chmod(0o755)
    open_ledger(made.path).append([event("1.0")])
    made.ledger.parent.chmod(0o555)
    with as_nobody():
        ledger = open_ledger(made.path)
        assert ledger.why_not == "no permission to write in conda-meta/pipsafe"
        assert len(ledger.events()) == 2
    made.ledger.parent.chmod(0o777)
    made.ledger.chmod(0o444)
    with as_nobody(), pytest.raises(LedgerError, match="no permission to write"):
        open_for_append(made.path, "ledger.jsonl")
    with as_nobody():
        assert open_ledger(made.path).why_not == "no permission to write conda-meta/pipsafe/ledger.jsonl"


def test_what_fails_while_it_is_written_is_an_error_that_says_where(shared_made: HandMade) -> None:
    made = shared_made
    ensure_folder(made.path, "conda-meta/pipsafe/vault")
    made.ledger.parent.chmod(0o777)
    with as_nobody():
        if os.geteuid() == NOBODY:
            with pytest.raises(LedgerError, match=r"vault/x cannot be written: Permission denied"):
                write_atomically(made.path, "conda-meta/pipsafe/vault/x", b"")
            with pytest.raises(LedgerError, match=r"vault/deep cannot be written: Permission denied"):
                ensure_folder(made.path, "conda-meta/pipsafe/vault/deep")
    long = "x" * 300
    with pytest.raises(LedgerError, match="File name too long"):
        write_atomically(made.path, f"conda-meta/pipsafe/{long}", b"")
    with pytest.raises(LedgerError, match="File name too long"):
        open_for_append(made.path, long)
    with pytest.raises(LedgerError, match="File name too long"):
        ensure_folder(made.path, f"conda-meta/pipsafe/{long}")


def test_the_files_have_the_permissions_of_conda_meta(made: HandMade) -> None:
    (made.root / "conda-meta").chmod(0o2775)
    before = os.umask(0o077)
    try:
        open_ledger(made.path).append([event("1.0")])
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.ledger.parent.stat().st_mode) == 0o2775
    assert stat.S_IMODE(made.ledger.stat().st_mode) == 0o664
    assert stat.S_IMODE((made.ledger.parent / "lock").stat().st_mode) == 0o664


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_root_writes_belongs_to_the_owner_of_the_environment(made: HandMade) -> None:
    os.chown(made.root / "conda-meta", NOBODY, NOBODY)
    open_ledger(made.path).append([event("1.0")])
    for path in (made.ledger.parent, made.ledger, made.ledger.parent / "lock"):
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


def test_what_a_killed_writer_left_is_taken_away(made: HandMade) -> None:
    folder = Path(ensure_folder(made.path))
    (folder / "x.new").write_bytes(b"half")
    write_atomically(made.path, "conda-meta/pipsafe/x", b"whole")
    assert [path.name for path in folder.iterdir()] == ["x"]
    assert (folder / "x").read_bytes() == b"whole"
