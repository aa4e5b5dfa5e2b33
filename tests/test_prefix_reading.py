"""Reading a prefix: the forms that exist, and files that are hostile."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.prefix import files
from conda_pipsafe.prefix.conda_meta import parse_record
from conda_pipsafe.prefix.direct_url import parse_direct_url, strip_credentials
from conda_pipsafe.prefix.files import Problem, UnreadableError, read_bytes, read_json
from conda_pipsafe.prefix.history import dist_str, split_dist
from conda_pipsafe.prefix.metadata import parse_metadata, parse_requires_txt
from conda_pipsafe.prefix.paths import are_clean, clean_relative, from_site, site_packages_of
from conda_pipsafe.prefix.record_csv import parse_record_csv, plain_hashes, plain_paths
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, read_snapshot
from support.nobody import as_nobody
from support.prefixes import SITE, PrefixFactory


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def kinds(make: PrefixFactory) -> list[str]:
    snapshot = read_snapshot(str(make.root))
    _ = snapshot.installed_files
    return sorted(problem.kind for problem in snapshot.problems)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "invalid-json"),
        (b'{"name": "x", "version"', "invalid-json"),
        (b"\x00\xff\xfe", "invalid-json"),
        (b"[" * 200_000, "invalid-json"),
        (b"[]", "invalid-record"),
        (b'{"name": 1, "version": "1"}', "invalid-record"),
        (b'{"name": "x", "version": "1", "files": ["../../etc/passwd"]}', "invalid-path"),
        (b'{"name": "x", "version": "1", "files": ["/etc/passwd"]}', "invalid-path"),
        (b'{"name": "x", "version": "1", "depends": "python"}', "invalid-record"),
        (b'{"name": "x", "version": "1", "constrains": [1]}', "invalid-record"),
        (b'{"name": "x", "version": "1", "files": 7}', "invalid-record"),
        (b'{"name": "x", "version": "1", "files": [7]}', "invalid-path, invalid-record"),
    ],
)
def test_hostile_record(make: PrefixFactory, content: bytes, kind: str) -> None:
    make.record("good")
    make.write("conda-meta/bad-1-0.json", content)
    snapshot = read_snapshot(str(make.root))
    assert ", ".join(sorted(problem.kind for problem in snapshot.problems)) == kind
    assert snapshot.record_named("good") is not None


def test_pipe_is_not_waited_for(make: PrefixFactory) -> None:
    os.mkfifo(make.root / "conda-meta/pipe-1-0.json")
    assert kinds(make) == ["not-a-file"]


def test_links(make: PrefixFactory, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('{"name": "secret", "version": "1"}')
    (make.root / "conda-meta/out-1-0.json").symlink_to(outside)
    (make.root / "conda-meta/loop-1-0.json").symlink_to("loop-1-0.json")
    (make.root / "conda-meta/dead-1-0.json").symlink_to("nowhere")
    snapshot = read_snapshot(str(make.root))
    assert {problem.path for problem in snapshot.problems} == {
        "conda-meta/out-1-0.json", "conda-meta/loop-1-0.json", "conda-meta/dead-1-0.json",
    }  # fmt: skip
    assert snapshot.record_named("secret") is None


def test_link_into_a_package_cache_is_followed(make: PrefixFactory, tmp_path: Path) -> None:
    package = tmp_path / "pkgs/x-1-0"
    (package / "info").mkdir(parents=True)
    (package / "info/index.json").write_text("{}")
    (package / "PKG-INFO").write_text("Name: x\nVersion: 1\n")
    (make.root / SITE / "x.egg-info").symlink_to(package / "PKG-INFO")
    snapshot = read_snapshot(str(make.root))
    assert [(dist.name, dist.kind) for dist in snapshot.distributions] == [("x", "egg-info-file")]


def test_too_large(make: PrefixFactory) -> None:
    with (make.root / "conda-meta/history").open("wb") as file:
        file.truncate(files.METADATA_LIMIT + 1)
    assert kinds(make) == ["too-large"]


def test_permissions() -> None:
    with tempfile.TemporaryDirectory() as folder, as_nobody(folder):
        make = PrefixFactory(Path(folder, "env"))
        make.record("shut").chmod(0)
        assert kinds(make) == ["unreadable"]


@pytest.mark.parametrize("name", ["evil\nname-1.0.dist-info", "\x1b[2J-1.0.dist-info", "-.dist-info", ".dist-info"])
def test_hostile_names(make: PrefixFactory, name: str) -> None:
    (make.root / SITE / name).mkdir()
    snapshot = read_snapshot(str(make.root))
    assert all(dist.name.isprintable() for dist in snapshot.distributions)


def test_name_that_is_not_unicode(make: PrefixFactory) -> None:
    os.mkdir(os.path.join(os.fsencode(make.root / SITE), b"caf\xe9-1.0.dist-info"))
    (dist,) = read_snapshot(str(make.root)).distributions
    assert dist.version == "1.0"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xfe\x00", "invalid-text"),
        (b"Name: ../../x\nVersion: 1\n", "invalid-metadata"),
        (b"", "invalid-metadata"),
    ],
)
def test_hostile_metadata_keeps_the_folder_s_name(make: PrefixFactory, content: bytes, kind: str) -> None:
    make.write(f"{SITE}/x-1.0.dist-info/METADATA", content)
    snapshot = read_snapshot(str(make.root))
    assert [problem.kind for problem in snapshot.problems] == [kind]
    assert [(dist.name, dist.version) for dist in snapshot.distributions] == [("x", "1.0")]


@pytest.mark.parametrize(
    ("rows", "paths", "kind"),
    [
        ("a.py,,\nb/c.py,sha256=x,1\n", ["a.py", "b/c.py"], None),
        ("a.py,,\r\nb.py,,\r\n", ["a.py", "b.py"], None),
        ('"with,comma.py",,\n', ["with,comma.py"], None),
        ("a.py\nb.py,\n", ["a.py", "b.py"], None),
        ("../../../bin/x,,\n", ["bin/x"], None),
        ("../../../../out,,\n/etc/passwd,,\n", [], "invalid-path"),
        ("a,b,c,d\n,,\n", [], "invalid-metadata"),
        ("a,b,c,d\ne,\n", ["e"], "invalid-metadata"),
        # The csv module of Python 3.10 does not read a NUL at all.
        ("nul\0,,\n", [], "invalid-path" if sys.version_info >= (3, 11) else "invalid-metadata"),
        ("x//y.py,,\n./z.py,,\n", ["x/y.py", "z.py"], None),
        ('"a.py",,\n\n"b.py",,\n', ["a.py", "b.py"], None),
        # More than any path has: the csv module gives up this row, and goes on.
        (f'"{"x" * 2**20}x",,\n"b.py",,\n', ["b.py"], "invalid-metadata"),
        ("", [], None),
    ],
)
def test_record_csv(make: PrefixFactory, rows: str, paths: list[str], kind: str | None) -> None:
    prefix = str(make.root)
    found, problems = parse_record_csv(rows, prefix, SITE, "RECORD")
    wanted = [path if path == "bin/x" else f"{SITE}/{path}" for path in paths]
    assert [row.path for row in found] == wanted
    assert [problem.kind for problem in problems] == ([kind] if kind else [])
    quick = plain_paths(rows, prefix, SITE)
    assert quick is None or quick == wanted
    hashes = plain_hashes(rows, prefix, SITE)
    assert hashes == (None if quick is None else [(row.path, row.hash or "") for row in found])


def test_absolute_rows_below_the_prefix(make: PrefixFactory) -> None:
    found, _ = parse_record_csv(f"{make.root}/bin/tool,,\n", str(make.root), SITE, "RECORD")
    assert [row.path for row in found] == ["bin/tool"]


def test_hashes_of_a_record() -> None:
    text = "a,sha256=AAAA,3\nb,md5=x,\nc,sha256=A,99999999999999999999\nd,,\ne,sha256=é,\n"
    rows, _ = parse_record_csv(text, "/p", "s", "R")
    assert [row.sha256() for row in rows] == ["000000", None, None, None, None]
    assert [row.size for row in rows] == [3, None, None, None, None]


@pytest.mark.parametrize(
    ("path", "clean"),
    [("a/b", "a/b"), ("a//b", "a/b"), ("./a", "a"), ("a/../b", "b"), ("a/", "a"), ("..", None), ("a/../..", None),
     ("", None), ("a\0", None), ("/a", None), ("../a", None)],
)  # fmt: skip
def test_clean_relative(path: str, clean: str | None) -> None:
    assert clean_relative(path) == clean
    assert not are_clean(["fine", path, "fine/too"]) or clean == path


@given(st.lists(st.text("a./\0\\", max_size=6), max_size=3))
def test_many_paths_are_called_clean_only_when_each_is(paths: list[str]) -> None:
    if are_clean(paths):
        assert [clean_relative(path) for path in paths] == paths


@pytest.mark.skipif(os.name == "nt", reason="there each is looked at, for its backslashes")
def test_the_paths_of_a_package_are_clean_at_one_look() -> None:
    assert are_clean(["bin/x", f"{SITE}/..dots/a..b/.hidden", f"{SITE}/a b/…"])
    assert not are_clean(["bin/x", None])


@pytest.mark.parametrize(("row", "path"), [("", None), ("a\0", None), ("/elsewhere/a", None), ("/p/a", "a")])
def test_from_site(row: str, path: str | None) -> None:
    assert from_site("/p", "s", row) == path


def test_site_packages_of_a_python_whose_record_declares_none() -> None:
    assert site_packages_of("3.12") == SITE
    assert site_packages_of(None) is None


def test_site_packages_that_may_not_be_listed() -> None:
    """It is a problem to tell; what else the environment has is read."""
    with tempfile.TemporaryDirectory() as folder, as_nobody(folder):
        make = PrefixFactory(Path(folder, "env"))
        make.record("good")
        make.pip_dist("hidden")
        (make.root / SITE).chmod(0o311)
        try:
            snapshot = read_snapshot(str(make.root))
        finally:
            (make.root / SITE).chmod(0o755)
    assert snapshot.problems == [Problem("unreadable", SITE, "cannot be listed: Permission denied")]
    assert snapshot.distributions == ()
    assert snapshot.record_named("good") is not None


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("https://conda.anaconda.org/conda-forge/linux-64", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge/noarch", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge", "conda-forge"),
        ("conda-forge", "conda-forge"),
        ("linux-64", "linux-64"),
        ("", ""),
    ],
)
def test_a_channel_as_people_call_it(make: PrefixFactory, channel: str, name: str) -> None:
    make.record("a", channel=channel)
    record = read_snapshot(str(make.root)).record_named("a")
    assert record is not None
    assert record.channel_name == name


def test_noarch_paths_of_conda_and_of_rattler() -> None:
    entry = {"_path": "site-packages/a.py", "sha256": "1", "sha256_in_prefix": "2", "prefix_placeholder": "/x"}
    data = {"name": "a", "version": "1", "files": [f"{SITE}/a.py"], "paths_data": {"paths": [entry]}}
    record = parse_record(data, "m", [])
    assert record is not None
    (fact,) = record.path_facts()
    assert (fact.path, fact.sha256, fact.rewritten, fact.size) == (f"{SITE}/a.py", "2", True, None)
    assert parse_record({**data, "files": None, "requested_specs": ["a"]}, "m", []) is not None


def test_facts_of_a_record_whose_lists_differ() -> None:
    paths = {"paths": [{"_path": "b", "sha256": "2", "size_in_bytes": 4, "path_type": "hardlink"}, "nonsense"]}
    record = parse_record({"name": "a", "version": "1", "files": ["a", "b"], "paths_data": paths}, "m", [])
    assert record is not None
    assert [(fact.path, fact.sha256, fact.size) for fact in record.path_facts()] == [("a", None, None), ("b", "2", 4)]


def test_history(make: PrefixFactory) -> None:
    make.history(
        ("2026-01-01 10:00:00", "conda create", ["+ch/linux-64::a-1-0", "+b-1-0"]),
        ("2026-01-02 10:00:00", "conda update", ["-a-1-0", "+a-2-0"]),
    )
    history = read_snapshot(str(make.root)).history
    assert (history.current, history.revisions[1].command) == (1, "conda update")
    assert history.state() == {"a-2-0", "b-1-0"}
    assert dist_str("ch/linux-64::a-1-0.conda") == "a-1-0"
    assert split_dist("nonsense") is None


def test_history_knows_what_was_asked_for(make: PrefixFactory) -> None:
    specs = (
        "# update specs: ['pip', \"conda-forge::numpy[version='>=1.2']\", 'IDNA=3.7', 'https://x.test/a/noarch::six']"
    )
    make.history(
        ("2026-01-01 00:00:00", "create", [specs, "+c/noarch::pip-1-0"]),
        ("2026-01-02 00:00:00", "install", ["# update specs: ['python=3.11']", "# neutered specs: ['python==3.11.7']"]),
        ("2026-01-03 00:00:00", "remove", ["# remove specs: ['six']", "-c/noarch::six-1-0"]),
        ("2014-01-01 00:00:00", "install", ["# install specs: old >=1,other"]),
    )
    history = read_snapshot(str(make.root)).history
    assert history.requested() == {"pip", "numpy", "idna", "python", "old", "other"}
    make.history(("2026-01-01 00:00:00", "create", ["# update specs: [", "# update specs:", "# specs"]))
    assert read_snapshot(str(make.root)).history.requested() == frozenset()


def test_history_of_pixi_is_no_problem(make: PrefixFactory) -> None:
    make.write("conda-meta/history", "// not relevant for pixi but for `conda run -p`\n")
    assert kinds(make) == []
    make.write("conda-meta/history", "garbage\n")
    assert kinds(make) == ["invalid-history"]


@pytest.mark.parametrize(
    ("url", "stripped"),
    [
        ("https://user:pw@x.test/a", "https://x.test/a"),
        ("ssh://git@x.test/a", "ssh://git@x.test/a"),
        ("https://${TOKEN}@x.test/a", "https://${TOKEN}@x.test/a"),
        ("https://x.test/t/abc-123/ch", "https://x.test/t/****/ch"),
        ("https://x.test/a?token=abc&b=1", "https://x.test/a?token=****&b=1"),
    ],
)
def test_credentials_are_removed(url: str, stripped: str) -> None:
    assert strip_credentials(url) == stripped


def test_direct_url() -> None:
    value = {"url": "https://x.test/a.whl", "archive_info": {"hash": "sha256=1", "hashes": {"sha256": "2"}}}
    parsed = parse_direct_url(value)
    assert parsed is not None
    assert parsed.hash == "sha256=2"
    assert parse_direct_url({"url": 1}) is None
    assert parse_direct_url([]) is None


def test_direct_url_that_is_none(make: PrefixFactory) -> None:
    (make.pip_dist("x") / "direct_url.json").write_text("[]")
    (make.pip_dist("y") / "direct_url.json").write_text("{")
    assert kinds(make) == ["invalid-json", "invalid-metadata"]


def test_metadata_headers() -> None:
    text = "Name: x\r\nVersion: 1\r\nRequires-Dist: a\r\n  ; extra == 'b'\r\nnonsense\r\n folded\r\n\r\nName: body\r\n"
    parsed = parse_metadata(text)
    assert (parsed.name, parsed.requires_dist) == ("x", ("a ; extra == 'b'",))


def test_requires_txt() -> None:
    text = "a>=1\n# no\n\n[:python_version < '3']\nb\n[x]\nc\n[y:os_name == 'nt']\nd\n"
    assert parse_requires_txt(text) == (
        "a>=1", "b; (python_version < '3')", 'c; extra == "x"', 'd; (os_name == \'nt\') and extra == "y"',
    )  # fmt: skip


def test_credentials_in_requirements_are_not_read() -> None:
    secret, clean = "a @ https://joe:s3cret@x.test/a.whl?token=t0ken", "a @ https://x.test/a.whl?token=****"
    metadata = (
        f"Name: x\nVersion: 1\nRequires-Dist: {secret} ; extra == 'y'\nRequires-Dist: b @ https://${{T}}@x.test/b\n"
    )
    assert parse_metadata(metadata).requires_dist == (f"{clean} ; extra == 'y'", "b @ https://${T}@x.test/b")
    assert parse_requires_txt(f"[y]\n{secret}\n") == (f'{clean}; extra == "y"',)


def test_eggs(make: PrefixFactory) -> None:
    make.write(f"{SITE}/e-1.0-py3.12.egg-info/PKG-INFO", "Name: e\nVersion: 1.0\n")
    make.write(f"{SITE}/e-1.0-py3.12.egg-info/requires.txt", "a\n")
    make.write(f"{SITE}/e-1.0-py3.12.egg-info/installed-files.txt", "../e.py\n\nPKG-INFO\n")
    make.write(f"{SITE}/dev.egg-link", "/checkout\n.")
    make.write(f"{SITE}/~alf-1.0.dist-info/METADATA", "Name: alf\nVersion: 1\n")
    snapshot = read_snapshot(str(make.root))
    link, egg = snapshot.distributions
    assert (link.name, link.kind, link.editable, link.metadata_path) == (
        "dev",
        "egg-link",
        True,
        f"{SITE}/dev.egg-link",
    )
    assert (egg.version, egg.requires_dist) == ("1.0", ("a",))
    assert snapshot.installed_files[egg.path][0].path == f"{SITE}/e.py"


@pytest.mark.parametrize("name", ["METADATA", "INSTALLER", "RECORD", "direct_url.json"])
def test_folder_where_a_file_should_be(make: PrefixFactory, name: str) -> None:
    info = make.pip_dist("x")
    (info / name).unlink(missing_ok=True)
    (info / name).mkdir()
    assert kinds(make) == ["not-a-file"]


def test_file_where_a_dist_info_should_be(make: PrefixFactory) -> None:
    make.write(f"{SITE}/x-1.0.dist-info", "text")
    assert kinds(make) == ["unreadable"]


def test_not_environments(tmp_path: Path) -> None:
    with pytest.raises(NotAnEnvironmentError, match="not a folder"):
        read_snapshot(str(tmp_path / "nothing"))
    with pytest.raises(NotAnEnvironmentError, match="no conda-meta"):
        read_snapshot(str(tmp_path))


def test_two_pythons_and_the_declared_folder(make: PrefixFactory) -> None:
    make.write("lib/python3.11/site-packages/x.py")
    sites = read_snapshot(str(make.root)).sites
    assert [(site.python, site.current) for site in sites] == [("3.12", True), ("3.11", False)]
    declared = "lib/python3.11/site-packages"
    make.record("python", "3.12.4", python_site_packages_path=declared)
    assert read_snapshot(str(make.root)).sites[0].path == declared


def test_site_packages_that_leads_out_is_not_read(make: PrefixFactory, tmp_path: Path) -> None:
    outside = tmp_path / "outside/site-packages"
    (outside / "spy-1.0.dist-info").mkdir(parents=True)
    (make.root / "lib/python3.9").mkdir()
    (make.root / "lib/python3.9/site-packages").symlink_to(outside)
    assert read_snapshot(str(make.root)).distributions == ()


@pytest.mark.parametrize(
    ("installer", "note", "owner"),
    [("pip", None, "conda"), ("uv", None, "both"), ("pip", "REQUESTED", "both"), ("conda", "REQUESTED", "conda")],
)
def test_owner_by_a_record_without_hashes(make: PrefixFactory, installer: str, note: str | None, owner: str) -> None:
    """As conda writes it with `safety_checks: disabled`: some packages were built with pip's name in them."""
    make.conda_dist("alpha", paths_data={"paths": []})
    info = f"{SITE}/alpha-1.0.dist-info"
    make.write(f"{info}/INSTALLER", f"{installer}\n")
    if note:
        make.write(f"{info}/{note}")
    snapshot = read_snapshot(str(make.root))
    assert [snapshot.owner_of(dist) for dist in snapshot.distributions] == [owner]
    assert len(snapshot.traces()) == (owner == "conda" and note is not None)


def test_owner_of_a_package_built_with_pip_inside(make: PrefixFactory) -> None:
    info = f"{SITE}/x-1.0.dist-info"
    make.record("x", "1.0", {f"{info}/METADATA": "Name: x\nVersion: 1.0\n", f"{info}/INSTALLER": "pip\n"})
    snapshot = read_snapshot(str(make.root))
    assert [snapshot.owner_of(dist) for dist in snapshot.distributions] == ["conda"]
    assert snapshot.pip_distributions() == ()
    make.write(f"{info}/INSTALLER", "uv\n")
    snapshot = read_snapshot(str(make.root))
    assert [snapshot.owner_of(dist) for dist in snapshot.distributions] == ["both"]


def test_reading_says_missing_apart_from_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_bytes(str(tmp_path), "nothing")
    assert caught.value.missing
    with pytest.raises(UnreadableError) as caught:
        read_bytes(str(tmp_path), "nul\0")
    assert caught.value.problem == Problem("unreadable", "nul\0", "cannot be read: invalid file name")
    (tmp_path / "empty").write_text(" ")
    with pytest.raises(UnreadableError, match="empty"):
        read_json(str(tmp_path), "empty")


def test_mutated_prefixes_are_read_without_a_traceback(make: PrefixFactory) -> None:
    make.conda_dist("a")
    make.pip_dist("b", requires=["a"])
    targets = [path for path in make.root.rglob("*") if path.is_file()]
    for path in targets:
        original = path.read_bytes()
        for change in (original[: len(original) // 2], b"", b"\0" * 64, original[::-1], b"\xff" + original):
            path.write_bytes(change)
            kinds(make)
        path.write_bytes(original)
    assert kinds(make) == []
    assert json.loads((make.root / "conda-meta/a-1.0-h0_0.json").read_text())["name"] == "a"


def test_an_egg_link_is_called_after_its_project_alone(make: PrefixFactory) -> None:
    make.write(f"{SITE}/scikit-learn.egg-link", "/checkout\n.")
    make.write(f"{SITE}/plain.egg-link", "/checkout\n.")
    found = {dist.key: dist.version for dist in read_snapshot(str(make.root)).distributions}
    assert found == {"scikit-learn": "", "plain": ""}


def test_what_needs_a_project_that_is_linked_has_it(make: PrefixFactory) -> None:
    make.write(f"{SITE}/scikit-learn.egg-link", f"{make.root}\n.")
    make.pip_dist("user", requires=("scikit-learn",))
    context = AuditContext(read_snapshot(str(make.root)))
    assert engine.audit(context).findings == ()
