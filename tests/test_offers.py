"""Which of pip's plan a channel has as well: evidence, versions, Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from conda_pipsafe.forecast.names import Undownloaded
from conda_pipsafe.installer.arguments import pip_arguments
from conda_pipsafe.installer.offers import (
    ChannelPackage,
    Looked,
    Offer,
    Wish,
    find_offers,
    unread_names,
    why_not,
    wishes,
)
from conda_pipsafe.installer.plan import Plan, PlannedDist, Replaced
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot
from support.prefixes import PrefixFactory

NEEDS = ("python >=3.9",)


@pytest.fixture
def env(tmp_path: Path) -> Snapshot:
    return prefix(tmp_path)


def prefix(folder: Path) -> Snapshot:
    factory = PrefixFactory(folder / "env")
    factory.conda_dist("requests", "2.31.0")
    factory.pip_dist("mine", "1.0")
    return read_snapshot(str(factory.root))


def package(
    name: str, version: str, purl: str | None = None, *, depends: Sequence[str] = NEEDS, order: int = 0
) -> ChannelPackage:
    purls = (f"pkg:pypi/{purl}",) if purl else None
    return ChannelPackage(Undownloaded(name, version, purls, tuple(depends)), "py_0", 0, f"channel-{order}", order)


def wish(key: str, version: str, wants: str | None = "", asked_by: tuple[str | None, ...] = (None,)) -> Wish:
    return Wish(key, key, version, wants, asked_by)


def offered(env: Snapshot, wanted: Wish | list[Wish], *packages: ChannelPackage) -> list[Offer]:
    return list(find_offers(wanted if isinstance(wanted, list) else [wanted], Looked(packages), env))


def test_a_bare_name_counts_in_the_planned_version_only(env: Snapshot) -> None:
    assert offered(env, wish("rich", "14.0"), package("rich", "13.9")) == []
    (offer,) = offered(env, wish("rich", "14.0", ">=13"), package("rich", "13.9"), package("rich", "14.0.0"))
    assert (offer.version, offer.spec, offer.evidence) == ("14.0.0", "rich>=13", "name")
    # A library of that name and version is no distribution.
    assert offered(env, wish("zlib", "1.3"), package("zlib", "1.3", depends=["libgcc"])) == []


def test_purls_allow_any_version_that_satisfies(env: Snapshot) -> None:
    channel = [package("pytorch", version, "torch") for version in ("2.1.0", "2.4.0", "2.5.0", "3.0rc1")]
    (offer,) = offered(env, wish("torch", "2.6.0", ">=2,!=2.5.0"), *channel)
    assert (offer.package, offer.version, offer.spec) == ("pytorch", "2.4.0", "pytorch!=2.5.0,>=2")
    (offer,) = offered(env, wish("torch", "2.1.0", ">=2"), *channel)
    assert offer.version == "2.1.0"
    assert offered(env, wish("torch", "2.6.0", "==2.6.*"), *channel) == []
    # Not all that asked are known: only what pip has planned will do.
    assert offered(env, wish("torch", "2.6.0", None), *channel) == []
    assert offered(env, wish("torch", "2.1.0", None), *channel)[0].spec == "pytorch==2.1.0"


def test_another_projects_package_of_the_name_is_none(env: Snapshot) -> None:
    assert offered(env, wish("build", "1.0"), package("build", "1.0", "something-else")) == []
    (offer,) = offered(env, wish("build", "1.0", ">=1"), package("build", "1.0", "x"), package("python-build", "1.2"))
    assert (offer.package, offer.evidence) == ("python-build", "table")


@pytest.mark.parametrize(
    ("wants", "spec"),
    [
        ("==1.*", "pkg 1.*"),
        ("~=1.4", "pkg~=1.4"),
        ("<3,>=1", "pkg<3,>=1"),
        ("===1.5", "pkg==1.5"),
        (">=1,==1.*", "pkg 1.*,>=1"),
    ],
)
def test_ranges_as_conda_takes_them(env: Snapshot, wants: str, spec: str) -> None:
    assert [offer.spec for offer in offered(env, wish("pkg", "1.5", wants), package("pkg", "1.5", "pkg"))] == [spec]


def test_only_builds_for_the_environments_python(env: Snapshot) -> None:
    wanted = wish("pkg", "2.0")
    newer = package("pkg", "2.0", "pkg", depends=["python >=3.13,<3.14.0a0", "python_abi 3.13.* *_cp313"])
    older = package("pkg", "1.9", "pkg", depends=["python >=3.12,<3.13.0a0", "python_abi 3.12.* *_cp312"])
    threads = package("pkg", "2.0", "pkg", depends=["python >=3.12", "python_abi 3.12.* *_cp312t"])
    assert [offer.version for offer in offered(env, wanted, newer, older, threads)] == ["1.9"]


def test_the_first_channel_that_has_it(env: Snapshot) -> None:
    found = offered(
        env, wish("pkg", "2.0"), package("pkg", "2.0", "pkg", order=1), package("pkg", "1.0", "pkg", order=0)
    )
    assert [(offer.channel, offer.version) for offer in found] == [("channel-0", "1.0")]


def test_what_only_condas_packages_need_comes_along(env: Snapshot) -> None:
    wanted = [
        wish("a", "1", asked_by=(None,)),
        wish("b", "1", asked_by=("a",)),
        wish("c", "1", asked_by=("a", "only-pip")),
    ]
    wanted.append(wish("only-pip", "1"))
    looked = Looked(tuple(package(name, "1") for name in "abc"), {"only-pip": "x", "a": "x"})
    offers = find_offers(wanted, looked, env)
    assert {offer.key: offer.named for offer in offers} == {"a": True, "b": False, "c": True}
    assert unread_names(wanted, looked, offers) == {"only-pip": "x"}


def planned(name: str, version: str, env: Snapshot, *, requires: tuple[str, ...] = (), requested: bool = False,
            direct: bool = False) -> PlannedDist:  # fmt: skip
    replaces = tuple(Replaced(dist, env.owner_of(dist)) for dist in env.distributions_named(name))
    return PlannedDist(
        name, name, version, None, None, None, requested, (), False, direct, False, requires, replaces
    )  # fmt: skip


def test_wishes_have_all_that_was_asked_for(env: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("dep >=1.5 --hash=sha256:0\n-e ./x\n")
    plan = Plan(
        (
            planned(
                "top", "1.0", env, requires=("dep<3", 'dep<2; python_version < "3"', "requests>=2.32"), requested=True
            ),
            planned("dep", "2.0", env, requested=True),
            planned("requests", "2.32.0", env),
            planned("mine", "2.0", env),
            planned("local", "1.0", env, requested=True, direct=True),
            planned("grouped", "1.0", env, requested=True),
        ),
        "25.0",
        constrained=False,
    )
    arguments = pip_arguments(["top==1.*", "-r", str(tmp_path / "r.txt"), "--group", "dev"])
    found = {one.key: one for one in wishes(plan, env, arguments, {})}
    assert set(found) == {"top", "dep", "requests", "grouped"}
    assert found["top"].wants == "==1.*"
    assert found["dep"].wants == ">=1.5,<3"
    assert found["dep"].asked_by == (None, "top")
    assert (found["requests"].wants, found["requests"].record) == (">=2.32", "requests")
    assert found["grouped"].wants is None
    held = wishes(plan, env, pip_arguments(["top", "-c", "c.txt"]), {})
    assert {one.wants for one in held} == {None}
    # conda's own package of the name may be replaced by a newer one of conda's; a stranger's may not.
    offers = offered(env, [found["requests"]], package("requests", "2.33"), package("requests", "2.32.0"))
    assert [offer.spec for offer in offers] == ["requests>=2.32"]
    assert offered(env, wish("requests", "2.32.0"), package("requests", "2.32.0")) == []


def test_options_for_pip_alone() -> None:
    assert why_not(pip_arguments(["x"])) is None
    assert why_not(pip_arguments(["--no-deps", "x"])) == "--no-deps"
    assert why_not(pip_arguments(["--require-hashes", "-r", "x"])) == "--require-hashes"
    assert why_not(pip_arguments(["-I", "x"])) == "an install of what is there already"
