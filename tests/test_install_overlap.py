"""Plans met with conda's paths, requirements and pins, where no pip is needed to see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.demo.wheels import PKGUTIL_NAMESPACE, WheelSpec, write_wheel
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.gated import Reached
from conda_pipsafe.installer.overlap import judge_paths
from conda_pipsafe.installer.plan import Plan, read_report
from conda_pipsafe.installer.policy import Request, Verdict
from conda_pipsafe.installer.requirements import fitting_lines, judge_requirements
from conda_pipsafe.installer.shared_paths import shared_paths
from conda_pipsafe.installer.wheels import Wheel, look_into
from conda_pipsafe.prefix.snapshot import read_snapshot
from conda_pipsafe.render.plan import plan_json, plan_lines, refusal_json, refusal_lines
from support.prefixes import SITE, PrefixFactory


@pytest.fixture
def prefix(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def planned(prefix: PrefixFactory, *specs: WheelSpec, folder: str = "wheels") -> tuple[Plan, dict[str, Wheel]]:
    """What pip would report for these wheels, and what it would show at its gate."""
    wheels = prefix.root.parent / folder
    wheels.mkdir(exist_ok=True)
    paths = [write_wheel(spec, wheels) for spec in specs]
    items = [
        {
            "metadata": {"name": spec.name, "version": spec.version, "requires_dist": list(spec.requires_dist)},
            "download_info": {"url": path.as_uri(), "archive_info": {}},
            "requested": True,
        }
        for spec, path in zip(specs, paths, strict=True)
    ]
    report = json.dumps({"version": "1", "pip_version": "24.0", "install": items}).encode()
    plan = read_report(report, read_snapshot(str(prefix.root)), constrained=True)
    return plan, look_into(plan, reached(prefix, report, [str(path) for path in paths]), str(prefix.root))


def reached(prefix: PrefixFactory, report: bytes, wheels: Sequence[str]) -> Reached:
    root = str(prefix.root)
    paths = dict.fromkeys(("purelib", "platlib"), f"{root}/{SITE}")
    paths |= {"scripts": f"{root}/bin", "data": root, "include": f"{root}/include/python3.12"}
    return Reached(report, tuple(wheels), paths, "3.12", "cpython-312")


def judged(prefix: PrefixFactory, *specs: WheelSpec, allowed: Sequence[str] = ()) -> Verdict:
    plan, wheels = planned(prefix, *specs)
    return judge_paths(plan, wheels, read_snapshot(str(prefix.root)), Request({}, frozenset(allowed)))


OVERLAPS = [
    ("module", f"{SITE}/gamma/__init__.py", WheelSpec("gamma-core", "1.0", {"gamma/__init__.py": "other"})),
    ("script", "bin/tool", WheelSpec("one", "1.0", {"one.py": ""}, scripts={"tool": "#!python\n"})),
    ("entry point", "bin/tool", WheelSpec("one", "1.0", {"one.py": ""}, console_scripts=["tool = one:main"])),
    ("share", "share/g/data.txt", WheelSpec("one", "1.0", {"one.py": ""}, data={"share/g/data.txt": "x"})),
    ("etc", "etc/g.conf", WheelSpec("one", "1.0", {"one.py": ""}, data={"etc/g.conf": "x"})),
    ("pth", f"{SITE}/g.pth", WheelSpec("one", "1.0", {"g.pth": "/x"})),
]


@pytest.mark.parametrize(("path", "spec"), [case[1:] for case in OVERLAPS], ids=[case[0] for case in OVERLAPS])
def test_writing_over_a_path_of_condas_is_refused_whatever_the_names(
    prefix: PrefixFactory, path: str, spec: WheelSpec
) -> None:
    plan, wheels = planned(prefix, spec)
    assert judge_paths(plan, wheels, read_snapshot(str(prefix.root)), Request({})) == Verdict((), ())
    prefix.record("gamma", "1.0", {path: "conda's"})
    (refusal,) = judged(prefix, spec).refusals
    assert (refusal.reason, refusal.subject, refusal.paths) == ("overlaps-conda", spec.name, (path,))
    assert refusal.message == f"{spec.name} 1.0 would write over {path}: conda's gamma 1.0 owns it"
    assert f"--allow-replace {spec.name}" in refusal.fixes[-1]
    text = refusal_lines([refusal], "x")
    assert f"      {path}" in text
    assert refusal_json(refusal)["paths"] == [path]
    for name in (spec.name, "gamma"):
        verdict = judged(prefix, spec, allowed=[name])
        assert verdict.refusals == ()
        assert "as --allow-replace says" in verdict.warnings[0]


def test_a_namespace_init_that_is_the_same_is_told_and_another_refused(prefix: PrefixFactory) -> None:
    prefix.record("ns-a", "1.0", {f"{SITE}/ns/__init__.py": PKGUTIL_NAMESPACE, f"{SITE}/ns/a/__init__.py": ""})
    verdict = judged(prefix, WheelSpec("ns-b", "1.0", {"ns/__init__.py": PKGUTIL_NAMESPACE, "ns/b/__init__.py": ""}))
    assert verdict.refusals == ()
    (warning,) = verdict.warnings
    assert warning.startswith(f"ns-b 1.0 and conda's ns-a both have {SITE}/ns/__init__.py, the same in both")
    other = WheelSpec("ns-c", "1.0", {"ns/__init__.py": "X = 1\n", "ns/c/__init__.py": ""})
    assert judged(prefix, other).refusals[0].reason == "overlaps-conda"
    # Namespace packages without an __init__.py (PEP 420) share a folder and nothing else.
    assert judged(prefix, WheelSpec("ns-d", "1.0", {"ns/d/__init__.py": ""})) == Verdict((), ())


def test_the_same_content_elsewhere_is_still_condas(prefix: PrefixFactory) -> None:
    prefix.record("gamma", "1.0", {f"{SITE}/gamma/core.py": "same"})
    assert judged(prefix, WheelSpec("gamma-core", "1.0", {"gamma/core.py": "same"})).refusals


def test_an_upgrade_that_takes_condas_path_along_is_refused(prefix: PrefixFactory) -> None:
    prefix.record("keeper", "1.0", {f"{SITE}/shared.py": "x"})
    prefix.pip_dist("mine", "1.0", {"mine/__init__.py": "", "shared.py": "x"})
    (refusal,) = judged(prefix, WheelSpec("mine", "2.0", {"mine/__init__.py": ""})).refusals
    assert (refusal.reason, refusal.paths) == ("removes-conda", (f"{SITE}/shared.py",))
    assert "would remove" in refusal.message
    prefix.pip_dist("fine", "1.0")
    assert judged(prefix, WheelSpec("fine", "2.0", {"fine/__init__.py": ""})) == Verdict((), ())


def test_what_pip_took_before_is_not_refused_again(prefix: PrefixFactory) -> None:
    prefix.conda_dist("alpha", "1.0")
    info = prefix.root / SITE / "alpha-1.0.dist-info"
    for path in info.iterdir():
        path.unlink()
    info.rmdir()
    prefix.pip_dist("alpha", "2.0")
    assert judged(prefix, WheelSpec("alpha", "3.0", {"alpha/__init__.py": ""})) == Verdict((), ())


def test_many_paths_are_shortened(prefix: PrefixFactory) -> None:
    modules = {f"gamma/m{number}.py": "x" for number in range(8)}
    prefix.record("gamma", "1.0", {f"{SITE}/{path}": "y" for path in modules})
    (refusal,) = judged(prefix, WheelSpec("gamma-core", "1.0", modules)).refusals
    assert "would write over 8 files: conda's gamma 1.0 owns them" in refusal.message
    assert "      … and 3 more (-v shows them)" in refusal_lines([refusal], "x")
    assert f"      {SITE}/gamma/m7.py" in refusal_lines([refusal], "x", every_path=True)


def required(prefix: PrefixFactory, *specs: WheelSpec, allowed: Sequence[str] = ()) -> Verdict:
    plan, _ = planned(prefix, *specs)
    return judge_requirements(plan, read_snapshot(str(prefix.root)), Request({}, frozenset(allowed)))


@pytest.mark.parametrize(
    ("requirement", "version", "broken"),
    [
        ({"depends": ["alpha >=1,<2"]}, "2.0", True),
        ({"depends": ["alpha >=1,<2"]}, "1.5", False),
        ({"depends": ["alpha 1.*"]}, "2.0", True),
        ({"depends": ["alpha"]}, "2.0", False),
        ({"constrains": ["alpha <2"]}, "2.0", True),
        ({"constrains": ["alpha <2"]}, "1.1", False),
        ({"depends": ["not understood [x=y]", "alpha >=0"]}, "2.0", False),
        ({"depends": ["alpha >=9"]}, "2.0", False),  # was broken before
    ],
)
def test_what_a_conda_package_depends_on_is_kept(
    prefix: PrefixFactory, requirement: dict[str, Any], version: str, broken: bool
) -> None:
    prefix.conda_dist("alpha", "1.0")
    prefix.record("needs", "1.0", **requirement)
    spec = WheelSpec("alpha", version, {"alpha.py": ""})
    verdict = required(prefix, spec)
    assert [refusal.reason for refusal in verdict.refusals] == ["breaks-conda"] * broken
    if broken:
        assert "needs 1.0 needs alpha" in verdict.refusals[0].message
        assert required(prefix, spec, allowed=["alpha"]).refusals == ()
        assert "as --allow-replace says" in required(prefix, spec, allowed=["alpha"]).warnings[0]


def test_a_dependency_that_pip_provides_is_kept_too(prefix: PrefixFactory) -> None:
    prefix.record("needs", "1.0", depends=["alpha <2"])
    prefix.pip_dist("alpha", "1.0")
    assert required(prefix, WheelSpec("alpha", "2.0", {"alpha.py": ""})).refusals[0].reason == "breaks-conda"
    assert required(prefix, WheelSpec("alpha", "1.1", {"alpha.py": ""})).refusals == ()


@pytest.mark.parametrize("there", [None, "1.0"])
def test_what_a_conda_package_constrains_is_kept_from_pip_too(prefix: PrefixFactory, there: str | None) -> None:
    prefix.record("needs", "1.0", constrains=["alpha <2", "__glibc >=2.17"])
    if there:
        prefix.pip_dist("alpha", there)
    verdict = required(prefix, WheelSpec("alpha", "2.0", {"alpha.py": ""}))
    assert verdict.refusals[0].reason == "breaks-conda"
    assert "needs 1.0 needs alpha <2" in verdict.refusals[0].message
    assert required(prefix, WheelSpec("alpha", "1.1", {"alpha.py": ""})).refusals == ()
    assert fitting_lines(read_snapshot(str(prefix.root))) == ["alpha<2"]


def test_another_project_of_a_conda_packages_name_is_not_judged(prefix: PrefixFactory) -> None:
    prefix.record("art", "2.0", {"bin/art": "x"})
    prefix.record("needs", "1.0", depends=["art >=2"])
    assert required(prefix, WheelSpec("art", "1.0", {"art.py": ""})).refusals == ()


@pytest.mark.parametrize(
    ("line", "refused"), [("alpha <2", True), ("alpha=1.0", True), ("alpha >=2  # why", False), ("# alpha <2", False)]
)
def test_pins_bind_pip_too(prefix: PrefixFactory, line: str, refused: bool) -> None:
    prefix.write("conda-meta/pinned", f"{line}\n\nother [x]\n")
    spec = WheelSpec("alpha", "3.0", {"alpha.py": ""})
    verdict = required(prefix, spec)
    assert [refusal.reason for refusal in verdict.refusals] == ["pinned"] * refused
    if refused:
        assert "conda-meta/pinned" in verdict.refusals[0].message
        assert required(prefix, spec, allowed=["alpha"]).refusals == ()


def test_a_wheel_that_pip_did_not_show_stops_the_install(prefix: PrefixFactory) -> None:
    plan, _ = planned(prefix, WheelSpec("alpha", "1.0", {"alpha.py": ""}))
    other = prefix.root.parent / "wheels" / "alpha-2.0-py3-none-any.whl"
    with pytest.raises(PipsafeError, match=r"did not show the wheel of alpha 1.0"):
        look_into(plan, reached(prefix, b"", [str(other)]), str(prefix.root))


def test_of_two_wheels_of_one_name_the_planned_one_is_looked_into(prefix: PrefixFactory) -> None:
    import hashlib

    one = prefix.root.parent / "one"
    two = prefix.root.parent / "two"
    for folder, content in ((one, "a"), (two, "bb")):
        folder.mkdir()
        write_wheel(WheelSpec("alpha", "1.0", {f"{content}.py": ""}), folder)
    name = "alpha-1.0-py3-none-any.whl"
    digest = hashlib.sha256((one / name).read_bytes()).hexdigest()
    info = {"url": f"https://h/{name}", "archive_info": {"hashes": {"sha256": digest}}}
    items = [{"metadata": {"name": "alpha", "version": "1.0"}, "download_info": info}]
    report = json.dumps({"version": "1", "pip_version": "24.0", "install": items}).encode()
    plan = read_report(report, read_snapshot(str(prefix.root)), constrained=True)
    found = look_into(plan, reached(prefix, report, [str(one / name), str(two / name)]), str(prefix.root))
    assert found["alpha"].path == str(one / name)


def test_the_whole_plan_has_sizes_and_who_asked(prefix: PrefixFactory) -> None:
    plan, wheels = planned(
        prefix,
        WheelSpec("one", "1.0", {"one.py": "x" * 4000}, requires_dist=["two>=1"]),
        WheelSpec("two", "1.0", {"two.py": ""}),
    )
    lines = plan_lines(plan, "P", wheels=wheels, asked_by={"two": ["one 1.0 needs two>=1"]})
    assert "kB unpacked in 7 files" in lines[2]
    assert "      one 1.0 needs two>=1" in lines
    assert lines[-1].startswith("2 in all: ")
    value = plan_json(plan, wheels=wheels, asked_by={"two": ["x"]})["install"]
    assert value[0]["unpacked_size"] > 4000 > value[1]["unpacked_size"] > 0
    assert [item["asked_by"] for item in value] == [[], ["x"]]
    assert plan_json(plan)["install"][0]["size"] is None
    for size, said in ((999, "999 B, "), (2_500, "2.5 kB, "), (2_500_000, "2.5 MB, "), (2_500_000_000, "2.5 GB, ")):
        large = {"one": replace(wheels["one"], size=size)}
        assert plan_lines(plan, "P", wheels=large)[2].strip().startswith(said)


@pytest.mark.parametrize(
    ("need", "line"),
    [
        ("alpha <2.0a0,>=1.1", "alpha<2.0,>=1.1"),
        ("alpha 1.2.*", "alpha==1.2.*"),
        ("alpha =1.2", "alpha==1.2.*"),
        ("alpha ==1.2", "alpha==1.2"),
        ("alpha 1.2 py_0", "alpha==1.2.*"),
        ("alpha ~=1.2,!=1.3.*", "alpha~=1.2,!=1.3.*"),
        ("alpha >=1.0rc1,<3", "alpha<3"),  # pip would take any pre-release
        ("alpha 1.2|1.3", None),
        ("alpha", None),
        ("ofconda <5", None),  # there is one of conda's: its version is pinned in any case
        ("__glibc >=2.17", None),
        ("mine <1", None),  # there, and ruled out already
        ("mine <3", "mine<3"),
    ],
)
def test_what_condas_packages_need_as_pips_constraints(tmp_path: Path, need: str, line: str | None) -> None:
    factory = PrefixFactory(tmp_path / "env")
    factory.record("needs", depends=[need])
    factory.conda_dist("ofconda", "1.0")
    factory.pip_dist("mine", "2.0")
    snapshot = read_snapshot(str(factory.root))
    assert fitting_lines(snapshot) == ([line] if line else [])
    assert fitting_lines(snapshot, {"alpha", "mine"}) == []


NEAR = [
    ("a folder for a file", f"{SITE}/six.py", WheelSpec("one", "1.0", {"six.py/x.py": ""}), "write over"),
    ("a file for a folder", f"{SITE}/gamma/core.py", WheelSpec("one", "1.0", {"gamma": ""}), "write over"),
    ("by a link", f"{SITE}/six.py", WheelSpec("one", "1.0", {"one.py": ""}, data={f"lib64/{SITE[4:]}/six.py": ""}),
     "write over"),
    ("a package", f"{SITE}/six.py", WheelSpec("one", "1.0", {"six/__init__.py": ""}), "hide"),
    ("a package below", f"{SITE}/ns/six.py", WheelSpec("one", "1.0", {"ns/six/__init__.py": ""}), "hide"),
    ("a compiled module", f"{SITE}/six.py", WheelSpec("one", "1.0", {"six.cpython-312-x.so": ""}), "hide"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "spec", "done"), [case[1:] for case in NEAR], ids=[case[0] for case in NEAR])
def test_what_meets_condas_paths_under_another_spelling_is_refused(
    prefix: PrefixFactory, path: str, spec: WheelSpec, done: str
) -> None:
    prefix.record("other", "1.0", {f"{SITE}/other.py": ""})
    (prefix.root / "lib64").symlink_to("lib")
    assert judged(prefix, spec) == Verdict((), ())
    prefix.record("gamma", "1.0", {path: "conda's"})
    (refusal,) = judged(prefix, spec).refusals
    assert refusal.reason == "overlaps-conda"
    assert refusal.message.startswith(f"one 1.0 would {done} {SITE}/")
    assert refusal.message.endswith(": conda's gamma 1.0 owns it")
    assert judged(prefix, spec, allowed=["gamma"]).refusals == ()


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        # A package is imported before a module of its name, whoever owns which.
        (f"{SITE}/six/__init__.py", WheelSpec("one", "1.0", {"six.py": ""})),
        (f"{SITE}/six/__init__.py", WheelSpec("one", "1.0", {"six.cpython-312-x.so": ""})),
        # A folder without an __init__.py comes last.
        (f"{SITE}/six.py", WheelSpec("one", "1.0", {"six/one.py": ""})),
        ("share/six.py", WheelSpec("one", "1.0", {"one.py": ""}, data={"share/six/__init__.py": ""})),
    ],
)
def test_what_hides_nothing_is_let_through(prefix: PrefixFactory, path: str, spec: WheelSpec) -> None:
    prefix.record("gamma", "1.0", {path: "conda's"})
    assert judged(prefix, spec) == Verdict((), ())


def test_a_module_that_is_hidden_already_is_not_hidden_again(prefix: PrefixFactory) -> None:
    prefix.record("gamma", "1.0", {f"{SITE}/six.py": "conda's"})
    prefix.pip_dist("one", "1.0", {"six/__init__.py": ""})
    assert judged(prefix, WheelSpec("one", "2.0", {"six/__init__.py": ""})) == Verdict((), ())


@pytest.mark.parametrize("name", ["history", "pinned", "gamma-1.0-0.json", "pipsafe/ledger.jsonl"])
def test_condas_own_books_are_no_wheels_to_write(prefix: PrefixFactory, name: str) -> None:
    spec = WheelSpec("one", "1.0", {"one.py": ""}, data={f"conda-meta/{name}": "x"})
    (refusal,) = judged(prefix, spec, allowed=["one"]).refusals
    assert refusal.message == f"one 1.0 would write conda-meta/{name}, where conda keeps its books"
    assert refusal_json(refusal)["paths"] == [f"conda-meta/{name}"]
    twin = WheelSpec("two", "1.0", {"two/conda-meta/history": "x"})
    assert judged(prefix, twin) == Verdict((), ())


def test_two_of_pips_with_the_same_files_are_told(prefix: PrefixFactory) -> None:
    full = WheelSpec("cv", "1.0", {"cv2/__init__.py": "A = 1\n", "cv2/a.py": "F = 1\n", "tests/t.py": "1\n"})
    less = WheelSpec("cv-less", "1.0", {"cv2/__init__.py": "A = 1\n", "cv2/a.py": "F = 2\n", "tests/t.py": "2\n"})
    same = WheelSpec("cv-same", "1.0", {"cv2/__init__.py": "A = 1\n", "tests/t.py": "3\n"})

    def told(*specs: WheelSpec) -> tuple[str, ...]:
        plan, wheels = planned(prefix, *specs)
        return shared_paths(plan, wheels, read_snapshot(str(prefix.root)))

    assert told(full, same) == ()
    assert "cv 1.0 and cv-less 1.0 both have 2 files, each of its own content" in told(full, less)[0]
    files = {path: str(text) for path, text in full.modules.items() if not path.startswith("tests")}
    prefix.pip_dist("cv", "1.0", files)
    assert f"cv 1.0 and cv-less 1.0 both have {SITE}/cv2/a.py" in told(less)[0]
    assert told(full) == ()
    assert told(same) == ()
