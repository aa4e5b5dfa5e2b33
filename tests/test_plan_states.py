"""`pipsafe plan` without conda: py-rattler's solve, an explicit list, a lock file."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.engines import rattler
from conda_pipsafe.forecast.effects import forecast
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.running import pip

Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Run `pipsafe plan --json WORDS`, check the exit code, return the value."""
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(work / "rattler-own"))
    monkeypatch.delenv("CONDA_PKGS_DIRS", raising=False)

    def run(*words: str | Path, code: int) -> dict[str, Any]:
        capsys.readouterr()
        ended = main(["plan", "--json", *map(str, words)])
        said = capsys.readouterr()
        print(said.out, said.err)
        assert ended == code
        value: dict[str, Any] = json.loads(said.out)
        return value

    return run


@pytest.fixture
def over_pip(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0 and piponly beside conda's gamma, which nobody asked for by a spec of a version."""
    prefix = make_env("python", "pip", "gamma", "beta")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0", "piponly").ok()
    return prefix


def changes(value: dict[str, Any]) -> dict[str, str]:
    gone = {item["name"]: "-" for item in value["unlink"]}
    come = {item["name"]: gone.get(item["name"], "") + item["version"] for item in value["link"]}
    return {**gone, **come}


def harms(value: dict[str, Any]) -> dict[str, list[str]]:
    return {item["name"]: item["effects"] for item in value["harms"]}


def stamps(prefix: Path) -> dict[Path, tuple[int, int]]:
    found = (path for path in prefix.rglob("*"))
    return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in found}


def test_install_keeps_what_is_there(plan: Plan, over_pip: Path, channel: Channel) -> None:
    before = stamps(over_pip)
    value = plan("-p", over_pip, "-c", channel.url, "--", "install", "alpha=1.0", code=3)
    assert changes(value) == {"alpha": "-1.0"}
    assert value["exact"] is True
    assert "overwritten" in harms(value)["alpha"]
    assert stamps(over_pip) == before


def test_records_without_requested_specs_are_kept(plan: Plan, over_pip: Path, channel: Channel) -> None:
    for file in (over_pip / "conda-meta").glob("*.json"):
        record = json.loads(file.read_text("utf-8"))
        record.pop("requested_spec", None)
        record["requested_specs"] = []
        file.write_text(json.dumps(record), "utf-8")
    value = plan("-p", over_pip, "-c", channel.url, "--", "install", "kappa", code=0)
    assert changes(value) == {"kappa": "1.0"}


def test_clean_text(over_pip: Path, channel: Channel, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "-p", str(over_pip), "-c", channel.url, "--", "install", "kappa"]) == 0
    assert "is harmed by py-rattler's solution of `install kappa`" in capsys.readouterr().out


def test_requested_versions_are_honoured(plan: Plan, make_env: MakeEnv, channel: Channel) -> None:
    prefix = make_env("python", "alpha=1.0")
    assert (
        "no solution" in plan("-p", prefix, "-c", channel.url, "--", "install", "alpha>=2", "alpha<2", code=1)["error"]
    )
    assert changes(plan("-p", prefix, "-c", channel.url, "--", "install", "gamma", code=0)) == {"gamma": "1.0"}
    assert changes(plan("-p", prefix, "-c", channel.url, "--", "update", "alpha", code=0)) == {"alpha": "-3.0"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("install", "no-such-package"), 1, "no-such-package"),
        (("install", "alpha [["), 1, "no match spec"),
        (("install", "--freeze-installed", "alpha"), 2, "--freeze-installed"),
        (("create", "alpha"), 2, "create"),
        (("install",), 2, "py-rattler does not do install"),
        (("remove", "kappa"), 1, "not installed by conda"),
        (("update", "kappa"), 1, "not installed by conda"),
        ((), 2, "nothing"),
    ],
)
def test_clear_errors(
    plan: Plan, over_pip: Path, channel: Channel, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in plan("-p", over_pip, "-c", channel.url, "--", *words, code=code)["error"]


def test_remove_takes_what_depends_on_it(plan: Plan, over_pip: Path, channel: Channel) -> None:
    value = plan("-p", over_pip, "-c", channel.url, "--", "remove", "alpha", code=3)
    assert changes(value) == {"alpha": "-", "beta": "-"}
    value = plan("-p", over_pip, "-c", channel.url, "--", "remove", "gamma", code=0)
    assert changes(value) == {"gamma": "-"}


def explicit(folder: Path, channel: Channel, prefix: Path, *more: str, without: str = "") -> Path:
    """An explicit list of what a prefix has, and more archives of the channel."""
    records = [json.loads(file.read_text("utf-8")) for file in (prefix / "conda-meta").glob("*.json")]
    urls = [record["url"] for record in records if record["name"] != without]
    urls += [path.as_uri() for path in channel.root.rglob("*.conda") if path.name.startswith(more)] if more else []
    file = folder / "explicit.txt"
    file.write_text("\n".join(["# a comment", "@EXPLICIT", *urls]) + "\n", "utf-8")
    return file


def test_explicit_state(plan: Plan, over_pip: Path, channel: Channel, tmp_path: Path) -> None:
    same = plan("-p", over_pip, "--explicit", explicit(tmp_path, channel, over_pip), code=0)
    assert changes(same) == {}
    value = plan("-p", over_pip, "--explicit", explicit(tmp_path, channel, over_pip, "zeta-", without="gamma"), code=0)
    assert changes(value) == {"gamma": "-", "zeta": "1.0"}
    value = plan(
        "-p", over_pip, "--explicit", explicit(tmp_path, channel, over_pip, "alpha-1.0", without="alpha"), code=3
    )
    assert "overwritten" in harms(value)["alpha"]
    assert value["exact"] is True


def test_explicit_state_of_unknown_urls_is_names_only(
    plan: Plan, over_pip: Path, channel: Channel, tmp_path: Path
) -> None:
    file = explicit(tmp_path, channel, over_pip, without="alpha")
    with file.open("a", encoding="utf-8") as opened:
        opened.write("https://example.invalid/ch/noarch/alpha-1.0-py_0.conda#" + "0" * 32 + "\n")
    value = plan("-p", over_pip, "--explicit", file, code=3)
    assert value["exact"] is False
    assert "same-name" in harms(value)["alpha"]


@pytest.mark.parametrize("said", ["md5", "sha256", "url", "nothing"])
@pytest.mark.parametrize("same", [True, False])
def test_what_lies_in_a_cache_counts_when_it_is_what_is_meant(
    plan: Plan, over_pip: Path, channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, same: bool
) -> None:
    """A package of one name, version and build may be another one: of another channel, or built anew."""
    known = {"md5": "a" * 32, "sha256": "b" * 64}
    url = "https://example.invalid/ch/noarch/alpha-1.0-py_0.conda"
    cached = tmp_path / "pkgs" / "alpha-1.0-py_0" / "info"
    cached.mkdir(parents=True)
    (cached / "paths.json").write_text('{"paths": [{"_path": "site-packages/alpha/__init__.py"}]}', "utf-8")
    (cached / "link.json").write_text('{"noarch": {"type": "python"}}', "utf-8")
    there = {**known, "fn": "alpha-1.0-py_0.conda", "url": url}
    if said == "url" and not same:
        there["url"] = url.replace("/ch/", "/other/")
    if said != "nothing":
        (cached / "repodata_record.json").write_text(json.dumps(there), "utf-8")
    monkeypatch.setenv("CONDA_PKGS_DIRS", str(tmp_path / "pkgs"))
    file = explicit(tmp_path, channel, over_pip, without="alpha")
    checksum = {"md5": known["md5"], "sha256": f"sha256:{known['sha256']}"}.get(said, "")
    if checksum and not same:
        checksum = checksum[:-1] + "0"
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"{url}{'#' if checksum else ''}{checksum}\n")
    value = plan("-p", over_pip, "--explicit", file, code=3)
    assert value["exact"] is (same or said == "nothing")
    assert ("overwritten" in harms(value)["alpha"]) is value["exact"]


def test_a_package_that_was_built_anew_under_its_name(
    plan: Plan, make_env: MakeEnv, channel: Channel, tmp_path: Path
) -> None:
    """The same name, version and build with another checksum: py-rattler links it anew, and so is it foreseen."""
    urls = []
    for folder, path in (("old", "share/wood/old"), ("new", "share/wood/table")):
        made = Channel(tmp_path / folder)
        made.add_all([PackageSpec("ash", "1.0", noarch="generic", files={path: folder.encode()})])
        urls.append(made.url)
    prefix = make_env("python", "pip", "ash", channels=[Channel(tmp_path / "old"), channel])
    write_wheel(WheelSpec("tool", "1.0", {"tool.py": ""}, data={"share/wood/table": "pip's"}), tmp_path)
    pip(prefix, "install", "--find-links", tmp_path, "tool").ok()
    seen = []
    for url in urls:
        solved = rattler.solve(read_snapshot(str(prefix)), [], [url, channel.url], str(tmp_path / "work"), update=["*"])
        seen.append(forecast(read_snapshot(str(prefix)), solved.transaction).paths)
    assert seen == [set(), {"share/wood/table"}]
    rattler.apply(solved, str(tmp_path / "work"))
    assert (prefix / "share/wood/table").read_text() == "new"
    # An explicit list tells it by its checksum; one that has none leaves the package as it is.
    archive = next((tmp_path / "old").glob("noarch/*.conda"))
    digest = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    file = explicit(tmp_path, channel, prefix, without="ash")
    text = file.read_text("utf-8")
    for checksum, change in ((f"#{digest}", {"ash": "-1.0"}), ("", {})):
        file.write_text(f"{text}{archive.as_uri()}{checksum}\n", "utf-8")
        assert changes(plan("-p", prefix, "--explicit", file, code=3 if change else 0)) == change


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alpha\n", "no line @EXPLICIT"),
        ("@EXPLICIT\nhttps://example.invalid/alpha.zip\n", "line 2"),
        ("@EXPLICIT\nhttps://example.invalid/alpha-1.0.conda\n", "NAME-VERSION-BUILD"),
        ("@EXPLICIT\nhttps://example.invalid/alpha-1.0-0.conda#c0ffee\n", "line 2"),
        ("@EXPLICIT\n# nothing\n", "lists no package"),
        ("\udcff", "not text"),
        (None, "cannot be read: No such file"),
    ],
)
def test_wrong_explicit_files(plan: Plan, over_pip: Path, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "wrong.txt"
    if text is not None:
        file.write_text(text, "utf-8", "surrogateescape")
    value = plan("-p", over_pip, "--explicit", file, code=1)
    assert said in value["error"] + str(value["hint"])
    assert value["hint"], "what to do next"


def test_an_explicit_file_without_an_end(plan: Plan, over_pip: Path) -> None:
    assert "no line @EXPLICIT" in plan("-p", over_pip, "--explicit", "/dev/zero", code=1)["error"]


def test_lock_file(plan: Plan, over_pip: Path, channel: Channel, tmp_path: Path) -> None:
    import asyncio

    import rattler

    records = asyncio.run(
        rattler.solve(
            [channel.url],
            ["python", "pip", "gamma", "beta", "alpha=1.0"],
            virtual_packages=rattler.VirtualPackage.detect(),
        )
    )
    platform = rattler.LockPlatform(str(rattler.Subdir.current()))
    lock = rattler.LockFile([platform])
    lock.set_channels("default", [rattler.LockChannel(channel.url)])
    for record in records:
        lock.add_conda_package("default", platform, record)
    file = tmp_path / "pixi.lock"
    lock.to_path(str(file))
    value = plan("-p", over_pip, "--lock", file, code=3)
    assert changes(value) == {"alpha": "-1.0"}
    assert "overwritten" in harms(value)["alpha"]


CONDA_LOCK = """\
version: 1
metadata:
  content_hash: {{linux-64: "0", osx-64: "0"}}
  channels: [{{url: "{channel}", used_env_vars: []}}]
  platforms: [{platforms}]
  sources: [environment.yml]
package:
"""


def conda_lock(file: Path, channel: Channel, names: tuple[str, ...], platforms: tuple[str, ...]) -> None:
    """A file as conda-lock writes it, with the channel's packages for several platforms, and one of PyPI."""
    entries = [CONDA_LOCK.format(channel=channel.url, platforms=", ".join(platforms))]
    for record in channel.records():
        if f"{record['name']}-{record['version']}" not in names and record["name"] not in names:
            continue
        entries += [
            f"- {{name: {record['name']}, version: '{record['version']}', manager: conda, platform: {platform}, "
            f"dependencies: {{}}, url: '{channel.url}/{record['subdir']}/{record['fn']}', "
            f"hash: {{md5: {record['md5']}, sha256: {record['sha256']}}}, category: main, optional: false}}\n"
            for platform in platforms
        ]
    entries += [
        f"- {{name: idna, version: '3.6', manager: pip, platform: {platform}, dependencies: {{}}, "
        f"url: 'https://files.test/idna-3.6-py3-none-any.whl', hash: {{sha256: {'0' * 64}}}, category: main, "
        "optional: false}\n"
        for platform in platforms
    ]
    file.write_text("".join(entries), "utf-8")


def test_conda_lock_s_file(plan: Plan, over_pip: Path, channel: Channel, tmp_path: Path) -> None:
    import rattler

    here, file = str(rattler.Subdir.current()), tmp_path / "conda-lock.yml"
    python = "python-{}.{}.{}".format(*sys.version_info)
    conda_lock(file, channel, (python, "pip", "gamma-1.0", "alpha-1.0", "beta-1.0"), (here, "osx-64"))
    value = plan("-p", over_pip, "--lock", file, code=3)
    assert "overwritten" in harms(value)["alpha"]
    assert value["notes"] == [f"{file}: the package of PyPI in it is not part of this"]
    conda_lock(file, channel, (python,), ("osx-64",))
    assert f"has no packages for {here}" in plan("-p", over_pip, "--lock", file, code=1)["error"]


def test_a_lock_with_other_environments(plan: Plan, over_pip: Path, channel: Channel, tmp_path: Path) -> None:
    """One of another name is the one that is meant; of several nobody knows which."""
    import rattler

    (record,) = (record for record in channel.records() if (record["name"], record["version"]) == ("alpha", "1.0"))
    url = f"https://x.test/noarch/{record['fn']}"
    here, file = rattler.Subdir.current(), tmp_path / "pixi.lock"
    names = {"prod": [url], "test": []}
    for several in ([], list(names)):
        lines = ["version: 6", "environments:"]
        for name in several or ["prod"]:
            packages = ", ".join(f"{{conda: '{one}'}}" for one in names[name])
            lines += [f"  {name}:", "    channels: [{url: 'https://x.test/'}]", "    packages:"]
            lines.append(f"      {here}: [{packages}]")
        lines += ["packages:", f"- conda: {url}", f"  sha256: {record['sha256']}", "  noarch: python"]
        file.write_text("\n".join([*lines, ""]), "utf-8")
        value = plan("-p", over_pip, "--lock", file, code=1 if several else 3)
        if several:
            assert "has no environment `default`; it has prod, test" in value["error"]
        else:
            assert [item["name"] for item in value["link"]] == ["alpha"]


def test_a_file_that_is_no_lock(plan: Plan, over_pip: Path, tmp_path: Path) -> None:
    (tmp_path / "pixi.lock").write_text("version: nothing\n", "utf-8")
    assert "lock file" in plan("-p", over_pip, "--lock", tmp_path / "pixi.lock", code=1)["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--explicit", "a", "--lock", "b"), "said twice"),
        (("--download", "--explicit", "a"), "needs conda"),
        (("--explicit", "a", "--", "install", "x"), "said twice"),
    ],
)
def test_usage(plan: Plan, over_pip: Path, words: tuple[str, ...], said: str) -> None:
    assert said in plan("-p", over_pip, *words, code=2)["error"]


def test_another_python_links_noarch_packages_anew(
    plan: Plan, make_env: MakeEnv, channel: Channel, second_python: str, wheelhouse: Path
) -> None:
    prefix = make_env(f"python={second_python}", "pip", "gamma")
    other = f"{sys.version_info.major}.{sys.version_info.minor}"
    pip(prefix, "install", "--find-links", wheelhouse, "zeta").ok()
    value = plan("-p", prefix, "-c", channel.url, "--", "install", f"python={other}", code=3)
    assert changes(value)["gamma"] == "-1.0"
    assert "orphaned" in harms(value)["zeta"]


def test_no_conda_to_ask(plan: Plan, over_pip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONDA_EXE", raising=False)
    value = plan("-p", over_pip, "--", "install", "alpha", code=1)
    assert "no conda" in value["error"]
    assert "-c conda-forge" in value["hint"]
    assert os.environ["PATH"] == str(tmp_path)
