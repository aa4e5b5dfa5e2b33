"""What a wheel becomes in a prefix, from the wheel alone; that real pip writes just that is in test_cli_install.py."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.forecast.wheel_paths import (
    Scheme,
    WheelPaths,
    member_sha256,
    read_wheel_paths,
    scheme_from_sysconfig,
)

SITE = "lib/python3.12/site-packages"
SCHEME = Scheme(SITE, SITE, "bin", "", "include/python3.12", "3.12")


def raw_wheel(folder: Path, files: dict[str, str], name: str = "x-1-py3-none-any.whl") -> str:
    """A wheel as given, right or wrong."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return str(path)


def read(wheel: str | Path, scheme: Scheme = SCHEME, name: str = "x", *, requested: bool = False) -> WheelPaths:
    return read_wheel_paths(str(wheel), scheme, name, requested=requested)


def test_modules_data_scripts_and_entry_points_have_their_places(tmp_path: Path) -> None:
    spec = WheelSpec(
        "My.Pkg", "1.0", {"my/__init__.py": "abc", "top.py": ""}, data={"share/my/d.txt": "d", "etc/my.cfg": ""},
        scripts={"tool": "#!python\n"}, console_scripts=["my-cli = my:main", "other = my:other"],
    )  # fmt: skip
    found = read(write_wheel(spec, tmp_path), requested=True)
    info = f"{SITE}/my_pkg-1.0.dist-info"
    assert found.dist_info == info
    assert set(found.members) == {
        f"{SITE}/my/__init__.py", f"{SITE}/top.py", "share/my/d.txt", "etc/my.cfg", "bin/tool", "bin/my-cli",
        "bin/other", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD", f"{info}/entry_points.txt",
        f"{info}/INSTALLER", f"{info}/REQUESTED", f"{info}/top_level.txt",
    }  # fmt: skip
    assert found.members["share/my/d.txt"] == "my_pkg-1.0.data/data/share/my/d.txt"
    assert found.members["bin/my-cli"] is None
    assert found.size > len("abc")


@pytest.mark.parametrize(("pure", "root"), [("true", "pure"), ("false", "plat"), ("True", "pure")])
def test_root_is_purelib_says_where_the_modules_go(tmp_path: Path, pure: str, root: str) -> None:
    info = "x-1.dist-info"
    wheel = raw_wheel(
        tmp_path,
        {
            "x.py": "",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {pure}\n",
            "x-1.data/purelib/a.py": "",
            "x-1.data/platlib/b.py": "",
            "x-1.data/headers/h.h": "",
        },
    )
    found = read(wheel, Scheme("pure", "plat", "bin", "", "include/python3.12", "3.12"), "X.Name")
    assert {f"{root}/x.py", "pure/a.py", "plat/b.py", "include/python3.12/X.Name/h.h"} <= set(found.members)


@pytest.mark.parametrize(
    ("name", "scripts", "expected"),
    [
        ("pip", ["pip = p:m", "pip3 = p:m", "pip3.9 = p:m"], {"bin/pip", "bin/pip3", "bin/pip3.12"}),
        ("s", ["easy_install = s:m", "easy_install-3.9 = s:m"], {"bin/easy_install", "bin/easy_install-3.12"}),
        ("q", ["pip3 = q:m"], {"bin/pip3"}),
    ],
)
def test_scripts_are_named_as_pip_names_them(tmp_path: Path, name: str, scripts: list[str], expected: set[str]) -> None:
    found = read(write_wheel(WheelSpec(name, "1.0", {"p.py": ""}, console_scripts=scripts), tmp_path))
    assert {path for path in found.members if path.startswith("bin/")} == expected


def test_a_member_that_leads_out_of_the_prefix_is_no_path_of_it(tmp_path: Path) -> None:
    wheel = raw_wheel(tmp_path, {"x-1.dist-info/WHEEL": "", "../../../../../up.py": "", "x-1.data/odd/y": "", "d/": ""})
    assert {path for path in read(wheel).members if ".dist-info" not in path} == set()


@pytest.mark.parametrize("files", [{}, {"x.py": ""}, {"x-1.dist-info/METADATA": ""}])
def test_what_is_no_wheel_is_said(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(PipsafeError, match=r"x-1-py3-none-any.whl cannot be looked into"):
        read(raw_wheel(tmp_path, files))
    (tmp_path / "x-1-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(PipsafeError, match="cannot be looked into"):
        read(tmp_path / "x-1-py3-none-any.whl")


def test_a_huge_text_is_not_read(tmp_path: Path) -> None:
    wheel = raw_wheel(tmp_path, {"x-1.dist-info/WHEEL": "", "x-1.dist-info/entry_points.txt": " " * (4 * 1024**2 + 1)})
    with pytest.raises(PipsafeError, match="too large"):
        read(wheel)


def test_the_hash_of_a_member(tmp_path: Path) -> None:
    wheel = raw_wheel(tmp_path, {"a": "content"})
    assert member_sha256(wheel, "a") == hashlib.sha256(b"content").hexdigest()


def test_a_scheme_is_relative_and_stays_in_the_prefix(tmp_path: Path) -> None:
    paths = {name: str(tmp_path / name) for name in ("purelib", "platlib", "scripts", "include")}
    scheme = scheme_from_sysconfig(str(tmp_path), {**paths, "data": str(tmp_path)}, "3.12")
    assert scheme == Scheme("purelib", "platlib", "scripts", "", "include", "3.12")
    outside = scheme_from_sysconfig(str(tmp_path), {**paths, "include": "/usr/include", "data": str(tmp_path)}, "3.12")
    assert outside.headers == "include/site/python3.12"
    with pytest.raises(PipsafeError, match="outside of it: data is"):
        scheme_from_sysconfig(str(tmp_path), {**paths, "data": str(tmp_path.parent)}, "3.12")
