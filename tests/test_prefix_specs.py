"""conda's version order and match specifications, by conda's documentation and, where there is one, by conda."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from conda_pipsafe.prefix.conda_version import CondaVersion, VersionSyntaxError, version_test
from conda_pipsafe.prefix.match_spec import SpecSyntaxError, parse_match_spec
from support.running import Conda, run

# Ascending, as conda's documentation of VersionOrder lists them; equal ones in one entry.
ORDER = [
    ["0.4", "0.4.0"], ["0.4.1.rc", "0.4.1.RC"], ["0.4.1"], ["0.5a1"], ["0.5b3"], ["0.5C1"], ["0.5"], ["0.9.6"],
    ["0.960923"], ["1.0"], ["1.1dev1"], ["1.1_"], ["1.1a1"], ["1.1.0dev1", "1.1.dev1"], ["1.1.a1"],
    ["1.1.0rc1"], ["1.1.0", "1.1"], ["1.1.0post1", "1.1.post1"], ["1.1post1"], ["1996.07.12", "1996-07-12"],
    ["1!0.4.1"], ["1!3.1.1.6"], ["2!0.4.1"],
]  # fmt: skip


def test_order() -> None:
    for lower, higher in pairwise(ORDER):
        assert CondaVersion(lower[0]) < CondaVersion(higher[0]), (lower, higher)
        assert CondaVersion(higher[0]) > CondaVersion(lower[0])
    for same in ORDER:
        assert all(CondaVersion(one) == CondaVersion(same[0]) for one in same)
    assert CondaVersion("1.0") != "1.0"


@pytest.mark.parametrize("text", ["", "1..2", "a b", "x!1", "1" * 300, ".", "1.", "1-2_3"])
def test_not_versions(text: str) -> None:
    with pytest.raises(VersionSyntaxError):
        CondaVersion(text)


@pytest.mark.parametrize(
    ("spec", "yes", "no"),
    [
        ("1.*", ["1", "1.5", "1.0a1"], ["2.0", "10.0"]),
        ("=1.2", ["1.2", "1.2.9"], ["1.3", "1.20", "1!1.2"]),
        ("1.2", ["1.2", "1.2.0"], ["1.2.1"]),
        (">=1.0,<2.0a0", ["1.0", "1.9"], ["0.9", "2.0a0", "2.0"]),
        ("<1|>=2,<3", ["0.5", "2.5"], ["1.5", "3"]),
        ("!=1.1.*", ["1.2"], ["1.1", "1.1.5"]),
        ("~=1.4.2", ["1.4.2", "1.4.9"], ["1.4.1", "1.5"]),
        ("*", ["7"], []),
        (">=*", ["7"], []),
        ("1.*.0", ["1.5.0"], ["1.5.1"]),
        ("!=1.*.0", ["1.5.1"], ["1.5.0"]),
        ("1.0.1a*", ["1.0.1a", "1.0.1abc"], ["1.0.1", "1.0.1b", "1.0.2a"]),
        ("=1.0+2", ["1.0+2.1"], ["1.0", "1.1+2"]),
        ("1.1.0.*", ["1.1"], ["1.2"]),
    ],
)
def test_version_specifications(spec: str, yes: list[str], no: list[str]) -> None:
    test = version_test(spec)
    assert all(test(version) for version in yes)
    assert not any(test(version) for version in no)


@pytest.mark.parametrize("spec", ["", "(1|2)", "^1.*$", ">=<1", "==1.1.*", "!=1.1*", "~=1", ">1.*.2", "1.0|"])
def test_specifications_that_nothing_is_claimed_about(spec: str) -> None:
    with pytest.raises(VersionSyntaxError):
        version_test(spec)


@pytest.mark.parametrize(
    ("text", "version", "build", "met"),
    [
        ("a", "1", "0", True),
        ("a >=1, <2", "1.5", "0", True),
        ("a >= 1|<0.5", "0.7", "0", False),
        ("a 1.* *_cpython", "1.2", "h0_cpython", True),
        ("a 1.* *_cpython", "1.2", "h0_pypy", False),
        ("a 1.* *_cpython", "1.2", None, True),
        ("a=1.0=h0", "1.0", "h0", True),
        ("a=1.0=h0", "1.0.1", "h0", False),
        ("ch::a 2", "2", "0", True),
        ("a * mkl", "3", "mkl", True),
        ("A>=1", "1", "0", True),
    ],
)
def test_match_specifications(text: str, version: str, build: str | None, met: bool) -> None:
    spec = parse_match_spec(text)
    assert spec.name == "a"
    assert spec.matches(version, build) is met


@pytest.mark.parametrize("text", ["", "a[version=1]", "a 1 2 3", "*", "a ^1", "a ~=1"])
def test_match_specifications_that_are_not_understood(text: str) -> None:
    with pytest.raises(SpecSyntaxError):
        parse_match_spec(text)


def test_version_of_a_distribution_that_conda_has_no_order_for() -> None:
    with pytest.raises(SpecSyntaxError):
        parse_match_spec("a >1").matches("not a version", None)
    assert str(parse_match_spec("a >1")) == "a >1"


def test_conda_itself_agrees(conda: Conda) -> None:
    versions = [version for group in ORDER for version in group]
    specs = ["1.*", "=1.1", "1.1", ">=1.0,<1.1", "<2.0a0", "!=1.1.*", "~=1.1.0", "0.4.1|>=1.1a1,<1.1.0", ">=1.1.*"]
    code = (
        "import json,sys; from conda.models.version import VersionOrder as V, VersionSpec as S;"
        "vs,ss=json.load(sys.stdin);"
        "print(json.dumps([[[V(a)<V(b),V(a)==V(b),V(a).startswith(V(b))] for a in vs for b in vs],"
        "[[S(s).match(v) for v in vs] for s in ss]]))"
    )
    base = json.loads(conda.run("info", "--json").ok().stdout)["root_prefix"]
    done = run(f"{base}/bin/python", "-W", "ignore", "-c", code, stdin=json.dumps([versions, specs])).ok()
    theirs = json.loads(done.stdout.splitlines()[-1])
    parsed = {version: CondaVersion(version) for version in versions}
    ours = [
        [
            [parsed[a] < parsed[b], parsed[a] == parsed[b], parsed[a].starts_with(parsed[b])]
            for a in versions
            for b in versions
        ],
        [[version_test(spec)(version) for version in versions] for spec in specs],
    ]
    assert ours == theirs
