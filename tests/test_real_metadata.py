"""PS5xx, PS6xx and PS9xx: what pip, uv and conda leave behind when they are interrupted, forced or misled."""

from __future__ import annotations

import dataclasses
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.importing import import_all
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, record_text, write_wheel
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.driving import Driver
from support.packages import simple
from support.real_damage import Ways, inside, look, site_of, the, told, uv
from support.running import Finished, pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv

# pip, with the power cut off at the moment at which it would write the new files.
POWER_CUT = """
import os, sys
from pip._internal.req import req_install
req_install.InstallRequirement.install = lambda *args, **more: os._exit(9)
from pip._internal.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def channels(channel: Channel, rival_channel: Channel) -> list[Channel]:
    return [channel, rival_channel]


def install(prefix: Path, wheels: Path, *words: str | Path) -> None:
    pip(prefix, "install", "--find-links", wheels, *words).ok()


def on_a_full_disk(prefix: Path, wheel: Path, kilobytes: int) -> Finished:
    """Let pip install where no file can become larger than this."""
    limit = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes * 1024}, {kilobytes * 1024}));"
        "from pip._internal.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    return run(prefix / "bin/python", "-c", limit, "install", "--no-index", "--no-compile", wheel)


def with_metadata(spec: WheelSpec, folder: Path, metadata: bytes) -> Path:
    """A wheel whose METADATA is these bytes."""
    source = write_wheel(spec, folder)
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record = f"{spec.stem}.dist-info/RECORD"
    members[f"{spec.stem}.dist-info/METADATA"] = metadata
    members[record] = record_text(members, record).encode()
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return source


def imports(prefix: Path) -> list[tuple[str, ...]]:
    """Subject and paths of what `--imports` finds."""
    found = list(import_all(AuditContext(read_snapshot(str(prefix))), 60))
    assert all(item.code == "PS520" for item in found)
    return [(item.subject, *item.paths) for item in found]


@pytest.mark.damage("PS501", "PS503", "PS504", "PS505", "PS510")
def test_pip_forced_and_interrupted(
    make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, tmp_path: Path
) -> None:
    prefix = make_env("pip", "gamma", channels=channels)
    install(prefix, rival_wheels, "alpha==1.0", "stray", "plain", "piponly", "beta")
    install(prefix, rival_wheels, "--ignore-installed", "alpha==2.0")
    install(prefix, rival_wheels, "--no-deps", "needs-numpy")
    # Python's other bytecode is in nobody's RECORD.
    run(prefix / "bin/python", "-O", "-c", "import plain, gamma").ok()
    pip(prefix, "uninstall", "-y", "plain").ok()
    many = {f"big/a_module_whose_name_is_rather_long_{number}.py": "" for number in range(200)}
    spec = simple("big")
    wheel = write_wheel(dataclasses.replace(spec, modules={**spec.modules, **many}), tmp_path)
    assert "too large" in on_a_full_disk(prefix, wheel, 8).stderr
    cut = run(prefix / "bin/python", "-c", POWER_CUT, "install", "--force-reinstall", "--no-index", "--find-links",
              rival_wheels, "stray")  # fmt: skip
    assert cut.returncode == 9
    found = look(prefix)
    site = str(site_of(prefix).relative_to(prefix))
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS501", "error", "alpha"),
        ("PS510", "error", "needs-numpy"),
        ("PS503", "warning", "big"),
        ("PS504", "warning", "plain"),
        ("PS505", "warning", site),
    ]
    assert the(found, "PS503").message == "big 1.0 has a RECORD that is cut off: nobody knows what else is its own."
    assert the(found, "PS504").paths == inside(prefix, "plain")
    assert set(the(found, "PS505").paths) >= {inside(prefix, "~tray-1.0.dist-info")[0]}
    assert the(found, "PS505").message.endswith("~tray-1.0.dist-info; stray==1.0 is not installed any more.")
    shutil.copy(wheel, rival_wheels)
    Ways(rival_wheels).follow_all(prefix, found)
    assert told(prefix, hashes=True) == []
    run(prefix / "bin/stray").ok()


@pytest.mark.twin("PS501", "PS502", "PS503", "PS504", "PS505", "PS510", "PS602", "PS901", "PS903")
def test_the_same_done_right(make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, tmp_path: Path) -> None:
    prefix = make_env("pip", "gamma", "numpy", channels=channels)
    install(prefix, rival_wheels, "alpha==1.0", "stray", "plain", "piponly", "torchlike")
    run(prefix / "bin/python", "-O", "-c", "import plain, gamma").ok()
    install(prefix, rival_wheels, "--force-reinstall", "--no-deps", "alpha==2.0", "plain", "needs-numpy")
    pip(prefix, "uninstall", "-y", "piponly").ok()
    head = "Metadata-Version: 2.1\nName: umlaut\nVersion: 1.0\nAuthor: Jörg\nRequires-Dist: alpha (>=1)\n\nGrüße\n"
    install(prefix, rival_wheels, with_metadata(simple("umlaut"), tmp_path, head.encode()))
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS501", "PS510")
def test_uv_without_its_checks(make_env: MakeEnv, wheelhouse: Path) -> None:
    """uv mends two distributions of one name at its next install, so only pip leaves them."""
    prefix = make_env("pip")
    uv(prefix, "install", "piponly", "beta", wheels=wheelhouse).ok()
    uv(prefix, "uninstall", "alpha", wheels=wheelhouse).ok()
    install(prefix, wheelhouse, "--no-deps", "--target", site_of(prefix), "zeta")
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS510", "error", "beta"),
        ("PS510", "error", "piponly"),
    ]
    assert found[0].message == "uv's beta 1.0 needs alpha>=1 (not installed)."
    Ways(wheelhouse).follow(prefix, found[0].fixes)
    assert told(prefix) == []


@pytest.mark.damage("PS502", "PS504", "PS512")
@pytest.mark.twin("PS512")
def test_conda_forced(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta", "gamma", "zeta")
    install(prefix, wheelhouse, "--force-reinstall", "--no-deps", "beta==1.0")
    run(prefix / "bin/python", "-O", "-c", "import gamma").ok()
    driver.run("remove", "-y", "-p", prefix, "beta", "gamma").ok()
    assert [(item.code, item.subject) for item in look(prefix)] == [("PS502", "beta"), ("PS504", "gamma")]
    Ways(wheelhouse).follow_all(prefix, look(prefix))
    driver.run("install", "-y", "-p", prefix, "beta").ok()
    assert told(prefix, hashes=True) == []
    driver.run("remove", "-y", "--force", "-p", prefix, "alpha").ok()
    found = look(prefix)
    assert told(prefix) == [("PS512", "warning", "alpha")]
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS512")
def test_conda_told_to_leave_out_what_is_needed(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip")
    driver.run("install", "-y", "--no-deps", "-p", prefix, "beta").ok()
    found = look(prefix)
    assert told(prefix) == [("PS512", "warning", "alpha")]
    assert found[0].paths == ("conda-meta/beta-1.0-py_0.json",)
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix) == []


@pytest.mark.damage("PS520", "PS601", "PS602")
@pytest.mark.twin("PS520")
def test_what_compiled_packages_expect(make_env: MakeEnv, channels: list[Channel], rival_wheels: Path) -> None:
    prefix = make_env("pip", "built", "strict", "llvm-openmp", "gamma", channels=channels)
    install(prefix, rival_wheels, "needs-numpy")
    assert imports(prefix) == []
    install(prefix, rival_wheels, "numpy==2.0.0", "torchlike", "alpha==2.0")
    pip(prefix, "uninstall", "-y", "gamma").ok()
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [
        ("PS101", "error", "alpha"),
        ("PS101", "error", "numpy"),
        ("PS102", "error", "gamma"),
        ("PS110", "error", "alpha"),
        ("PS601", "error", "numpy"),
        ("PS602", "warning", "torchlike"),
        ("PS602", "note", "torchlike"),
    ]
    assert found[4].paths[1].startswith("conda-meta/built-1.0-")
    assert found[5].paths == inside(prefix, "torchlike/lib/libiomp5.so")
    assert found[6].paths == inside(prefix, "torchlike.libs/libgomp-a34b3233.so.1.0.0")
    pip(prefix, "uninstall", "-y", "numpy").ok()
    assert imports(prefix) == [("needs-numpy", *inside(prefix, "needs_numpy.py")),
                               ("strict", *inside(prefix, "strict.py"))]  # fmt: skip


@pytest.mark.damage("PS602")
def test_runtime_that_conda_adds(
    make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, driver: Driver
) -> None:
    driver.configure(channels=[item.url for item in channels])
    prefix = make_env("pip")
    install(prefix, rival_wheels, "torchlike")
    assert told(prefix) == []
    driver.run("install", "-y", "-p", prefix, "llvm-openmp").ok()
    assert [(item.code, item.severity) for item in look(prefix)] == [("PS602", "warning"), ("PS602", "note")]


@pytest.mark.damage("PS601")
@pytest.mark.twin("PS601")
def test_numpy_of_pip_by_uv(make_env: MakeEnv, channels: list[Channel], rival_wheels: Path, driver: Driver) -> None:
    driver.configure(channels=[item.url for item in channels])
    prefix = make_env("pip", "built", channels=channels)
    uv(prefix, "install", "numpy==1.26.9", wheels=rival_wheels).ok()
    assert [item.code for item in look(prefix)] == ["PS101"]
    uv(prefix, "install", "numpy==2.0.0", wheels=rival_wheels).ok()
    found = look(prefix)
    assert [item.code for item in found] == ["PS101", "PS601"]
    assert found[1].message == "uv put numpy 2.0.0 there, but conda's built 1.0 needs numpy >=1.26,<2."
    Ways(rival_wheels, driver).follow(prefix, found[1].fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS901", "PS903")
def test_packages_with_odd_metadata(make_env: MakeEnv, channel: Channel, tmp_path: Path) -> None:
    """No pip of today installs these; packages of conda channels have them still."""
    latin = "Metadata-Version: 2.1\nName: umlaut\nVersion: 1.0\nAuthor: Jörg\n".encode("latin-1")
    legacy = b"Metadata-Version: 2.1\nName: legacy\nVersion: 1.0\nRequires-Dist: gamma (>=0.*)\n"
    mine = Channel(tmp_path / "mine")
    mine.add_all([
        PackageSpec("umlaut", "1.0", noarch="python", depends=["python", "gamma[version='>=1']"],
                    files={"site-packages/umlaut-1.0.dist-info/METADATA": latin}),
        PackageSpec("legacy", "1.0", noarch="python", depends=["python"],
                    files={"site-packages/legacy-1.0.dist-info/METADATA": legacy}),
    ])  # fmt: skip
    prefix = make_env("pip", "umlaut", "legacy", channels=[channel, mine])
    assert "UnicodeDecodeError" in pip(prefix, "list").stderr
    assert told(prefix) == [
        ("PS901", "error", inside(prefix, "umlaut-1.0.dist-info/METADATA")[0]),
        ("PS903", "note", "Requires-Dist"),
        ("PS903", "note", "depends"),
    ]


@pytest.mark.damage("PS202", by_hand="a file deleted by hand")
@pytest.mark.twin("PS202")
def test_plugins_that_nobody_finds(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0", "beta").ok()
    info = site_of(prefix) / "alpha-1.0.dist-info"
    (info / "WHEEL").unlink()  # of no use once it is installed
    assert told(prefix) == []
    (info / "entry_points.txt").unlink()
    (found,) = look(prefix)
    assert (found.code, found.severity, found.paths) == (
        "PS202",
        "warning",
        inside(prefix, f"{info.name}/entry_points.txt"),
    )
    Ways(wheelhouse).follow(prefix, found.fixes)
    assert told(prefix) == []
    assert (info / "entry_points.txt").exists()


@pytest.mark.damage("PS220", by_hand="a full disk")
@pytest.mark.twin("PS220")
@pytest.mark.parametrize(
    ("name", "severity"), [("METADATA", "warning"), ("entry_points.txt", "warning"), ("WHEEL", "note")]
)
def test_metadata_that_is_cut_off(make_env: MakeEnv, wheelhouse: Path, name: str, severity: str) -> None:
    prefix = make_env("pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    file = site_of(prefix) / "alpha-1.0.dist-info" / name
    file.write_bytes(file.read_bytes()[:-5])
    assert told(prefix) == []
    (found,) = look(prefix, hashes=True)
    assert (found.code, found.severity) == ("PS220", severity)
    Ways(wheelhouse).follow(prefix, found.fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS901", by_hand="an author's name in another encoding")
@pytest.mark.twin("PS901")
def test_metadata_at_which_pip_stops(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0", "gamma-core").ok()
    file = site_of(prefix) / "alpha-1.0.dist-info/METADATA"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"\nVersion", "\nAuthor: Jérôme\nVersion".encode()))
    assert told(prefix) == []
    file.write_bytes(content.replace(b"\nVersion", "\nAuthor: Jérôme\nVersion".encode("latin-1")))
    assert pip(prefix, "list").returncode != 0  # so it goes first: pip cannot put it right
    (site_of(prefix) / "gamma/__init__.py").unlink()
    found = look(prefix)
    assert [(item.code, item.severity) for item in found] == [("PS901", "error"), ("PS202", "error")]
    Ways(wheelhouse).follow(prefix, [line for item in found for line in item.fixes])
    assert told(prefix, hashes=True) == []
    pip(prefix, "list").ok()


@pytest.mark.damage("PS103", "PS202", by_hand="a script that mistakes a name")
def test_a_file_in_the_place_of_a_folder(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    for name in ("alpha", "gamma"):
        shutil.rmtree(site_of(prefix) / name)
        (site_of(prefix) / name).write_text("")
    found = look(prefix)
    assert [(item.code, item.subject, len(item.fixes)) for item in found] == [
        ("PS103", "gamma", 2),
        ("PS202", "alpha", 2),
    ]
    Ways(wheelhouse, driver).follow(prefix, [line for item in found for line in item.fixes])
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS202", by_hand="a copy through a disk that ignores the case of letters")
@pytest.mark.skipif("os.name == 'nt' or sys.platform == 'darwin'", reason="a disk that ignores case")
def test_a_dist_info_whose_name_is_written_otherwise(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    info = site_of(prefix) / "alpha-1.0.dist-info"
    info.rename(info.with_name("Alpha-1.0.dist-info"))
    (found,) = look(prefix)
    assert (found.code, found.fixes) == ("PS202", (f"mv {info.with_name('Alpha-1.0.dist-info')} {info}",))
    run("sh", "-c", found.fixes[0]).ok()
    assert told(prefix, hashes=True) == []
