"""Environments damaged at random: the audit ends with findings, never with a traceback, never outside the prefix.

`PIPSAFE_FUZZ=1000` mutates so many (300 otherwise); `PIPSAFE_FUZZ_SEED` starts elsewhere.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conda_pipsafe.audit.many import Audited, Depth, audit_one
from conda_pipsafe.render.findings import Judged, audit_text, audit_value
from conda_pipsafe.render.html import page
from conda_pipsafe.render.sarif import sarif_text
from support.prefixes import SITE, PrefixFactory

NUMBER = int(os.environ.get("PIPSAFE_FUZZ", "300"))
SEED = int(os.environ.get("PIPSAFE_FUZZ_SEED", "0"))
HOSTILE = (
    b"\xff\xfe.dist-info", b"a\nb-1.0.dist-info", b"\x1b[31m-1.dist-info", b"x" * 255, b"-1.0.dist-info", b"~", b".",
    b" .egg-info", b"con.egg-link", b"a b-1.0.egg-info", "\u202egnp-1.0.dist-info".encode(), b"bad.json", b".dist-info",
)  # fmt: skip
TEXTS = (
    "", "\0", "{", "[]", "null", "1e999", '{"name": 1}', '{"name": "a", "version": "1", "files": [1, null, "../../x"]}',
    '{"name": "a", "version": "1", "files": "lib", "depends": "x", "paths_data": []}', "[" * 5000, '{"a":' * 5000,
    '{"name": "\\ud800", "version": "\\u001b", "depends": ["python <\\ud800", "x y z w"], "files": ["\\ud800"]}',
    "../../../../../../outside/file,sha256=x,1\n/etc/passwd,,\n", "a,b,c,d,e\n", '"unclosed,\n', "x" * 200_000,
    "Name: ../../x\nVersion: \x1b\n", "Name: a\nVersion: 1\nRequires-Dist: ((((\nRequires-Python: <<<\n",
    "==> x <==\n+a\n-\n==> <==\n", "alpha <\n<2\n[[[\n", '{"url": "file://\\u0000", "dir_info": 1}',
    "[console_scripts]\n=\n=:=\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def seedbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little of everything that an audit looks at."""
    make = PrefixFactory(tmp_path_factory.mktemp("seedbed") / "env")
    make.conda_dist("alpha", depends=["python", "beta >=1"], constrains=["gamma <2"])
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/__init__.py": "conda", "bin/cv": "#!/bin/sh\n"})
    info = make.pip_dist("opencv-python", "4.0", {"cv2/__init__.py": "pip", "../../../bin/cv": "#!/bin/sh\n"})
    (info / "direct_url.json").write_text('{"url": "https://x/y.whl", "archive_info": {}}')
    (info / "entry_points.txt").write_text("[console_scripts]\ncv = cv2:main\n")
    make.pip_dist("user", requires=["alpha>=1", 'absent; extra == "x"'], headers="Requires-Python: >=3.8\n")
    make.pip_dist("old", site="lib/python3.11/site-packages")
    make.write(f"{SITE}/egg-1.0-py3.12.egg-info/PKG-INFO", "Name: egg\nVersion: 1.0\n")
    make.write(f"{SITE}/egg-1.0-py3.12.egg-info/requires.txt", "alpha\n[x]\nbeta\n")
    make.write(f"{SITE}/egg-1.0-py3.12.egg-info/installed-files.txt", "../egg.py\n")
    make.write(f"{SITE}/link.egg-link", "/somewhere\n.\n")
    make.write("conda-meta/pinned", "alpha <2\n")
    make.write("conda-meta/frozen", "{}")
    make.history(("2026-01-01 00:00:00", "create", ["+c::alpha-1.0-h0_0"]))
    return make.root


def _truncate(rng: random.Random, path: Path) -> None:
    content = path.read_bytes() if path.is_file() else b""
    if content:
        path.write_bytes(content[: rng.randrange(len(content))])


def _binary(rng: random.Random, path: Path) -> None:
    _replace(path)
    path.write_bytes(rng.randbytes(rng.choice((1, 100, 5000))))


def _flip(rng: random.Random, path: Path) -> None:
    content = bytearray(path.read_bytes() if path.is_file() else b"")
    for _ in range(5 if content else 0):
        content[rng.randrange(len(content))] = rng.randrange(256)
    if content:
        path.write_bytes(content)


def _encode(rng: random.Random, path: Path) -> None:
    if path.is_file():
        text = path.read_bytes().decode("latin-1")
        path.write_bytes(text.encode(rng.choice(("utf-16", "utf-8-sig", "utf-32"))) + b"\xe9")


def _huge(rng: random.Random, path: Path) -> None:
    if path.is_file():
        os.truncate(path, rng.choice((33, 40)) * 1024 * 1024)  # holes: it takes no room


def _text(rng: random.Random, path: Path) -> None:
    _replace(path)
    path.write_text(rng.choice(TEXTS), encoding="utf-8")


def _folder(_rng: random.Random, path: Path) -> None:
    _replace(path)
    path.mkdir()


def _link(rng: random.Random, path: Path) -> None:
    _replace(path)
    targets = (path.name, "nowhere", "..", "/", "/etc/passwd", "../" * 40 + "dev/zero", str(path.parent), "\u202e")
    path.symlink_to(rng.choice(targets))


def _pipe(_rng: random.Random, path: Path) -> None:
    _replace(path)
    os.mkfifo(path)


def _delete(_rng: random.Random, path: Path) -> None:
    _replace(path)


def _forbid(rng: random.Random, path: Path) -> None:
    path.chmod(rng.choice((0o000, 0o111, 0o444)))


def _hostile(rng: random.Random, path: Path) -> None:
    folder = path if path.is_dir() else path.parent
    new = os.path.join(os.fsencode(folder), rng.choice(HOSTILE))
    if os.path.lexists(new):
        return
    if rng.random() < 0.5:
        os.mkdir(new)
        with open(os.path.join(new, rng.choice((b"METADATA", b"RECORD", b"\xff"))), "w", encoding="utf-8") as file:
            file.write(rng.choice(TEXTS))
    else:
        with open(new, "w", encoding="utf-8") as file:
            file.write(rng.choice(TEXTS))


MUTATIONS: tuple[Callable[[random.Random, Path], None], ...] = (
    _truncate, _binary, _flip, _encode, _huge, _text, _text, _folder, _link, _link, _delete, _forbid, _hostile,
    _hostile, *((_pipe,) if hasattr(os, "mkfifo") else ()),
)  # fmt: skip


def _replace(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def mutate(rng: random.Random, root: Path) -> None:
    """Damage some paths below an environment, its own folder aside."""
    for _ in range(rng.randint(1, 6)):
        found = [Path(folder) / name for folder, folders, files in os.walk(root) for name in (*folders, *files)]
        try:
            rng.choice(MUTATIONS)(rng, rng.choice(sorted(found)))
        except OSError:  # two mutations that exclude each other
            continue


def set_free(root: Path) -> None:
    """Give back the permissions that a mutation took, so that the folder can be removed."""
    for folder, folders, _ in os.walk(root):
        for name in folders:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)


@pytest.mark.parametrize("block", range(10))
def test_mutated_environments(seedbed: Path, tmp_path: Path, block: int) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("untouched")
    before = os.stat(outside / "file").st_ctime_ns
    for number in range(block * NUMBER // 10, (block + 1) * NUMBER // 10):
        rng = random.Random(SEED + number)  # noqa: S311 - reproducible, not secret
        root = tmp_path / f"e{number}"
        shutil.copytree(seedbed, root, symlinks=True)
        mutate(rng, root)
        audited = audit_one(str(root), Depth(deep=True, overview=True, cached=False))
        judge(number, audited)
        set_free(root)
        shutil.rmtree(root)
    assert sorted(os.listdir(tmp_path)) == ["outside"]
    assert os.listdir(outside) == ["file"]
    assert os.stat(outside / "file").st_ctime_ns == before


def judge(number: int, audited: Audited) -> None:
    """A report that no check crashed in, and that can be written in every form."""
    report = audited.report
    if report is None:
        assert audited.error, f"mutation {number}"
        return
    crashed = [finding.message for finding in report.findings if finding.code == "PS902"]
    assert not crashed, f"mutation {number}: {crashed}"
    for path in (path for finding in report.findings for path in finding.paths):
        assert not path.startswith(("/", "../")), f"mutation {number}: {path}"
    judged = [Judged(audited, ())]
    assert audit_text(judged, {})
    assert json.dumps(audit_value(judged, {}), default=str)
    assert json.loads(sarif_text(judged, {}))["version"] == "2.1.0"
    assert page(judged, {}).encode("utf-8").endswith(b"</html>")
