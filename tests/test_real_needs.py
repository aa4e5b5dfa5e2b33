"""A way out that takes away what pip's packages need says so, and leads on to where nothing is broken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.audit.needs import combined
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.wheels import write_wheel
from support.driving import Driver
from support.packages import simple
from support.real_damage import Ways, look, the, told
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv


@pytest.mark.damage("PS101")
@pytest.mark.damage("PS106")
@pytest.mark.damage("PS107")
@pytest.mark.parametrize(
    ("code", "option", "then"), [("PS101", "-q", ""), ("PS106", "-q", "list"), ("PS107", "--ignore-installed", "")]
)
def test_condas_version_is_not_what_pips_package_needs(
    make_env: MakeEnv, wheelhouse: Path, driver: Driver, code: str, option: str, then: str
) -> None:
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, option, "alpha==2.0", "beta2").ok()  # which needs alpha>=2
    if then:
        driver.run(then, "-p", prefix).ok()
    (found,) = look(prefix)
    assert found.code == code
    assert found.message.endswith("; pip's beta2 1.0 needs another version than 1.0: the last step asks conda for one.")
    assert found.fixes[-1] == f"conda install -p {prefix} 'alpha>=2'"
    assert found.facts["needed_otherwise"] == [{"name": "beta2", "version": "1.0", "needs": "alpha>=2"}]
    Ways(wheelhouse, driver).follow(prefix, found.fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS101")
def test_no_version_is_right_for_all(
    make_env: MakeEnv, wheelhouse: Path, channel: Channel, rival_channel: Channel
) -> None:
    prefix = make_env("pip", "alpha=1.0", "strict", channels=[channel, rival_channel])  # strict needs alpha<2
    pip(prefix, "install", "--find-links", wheelhouse, "beta2").ok()
    found = the(look(prefix), "PS101")
    assert found.message.endswith(" needs another version than 1.0, which other conda packages do not allow.")
    assert len(found.fixes) == 2


@pytest.mark.twin("PS101")
@pytest.mark.twin("PS106")
def test_condas_version_will_do(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0", "piponly").ok()  # needs alpha>=1
    for command in ((), ("list", "-p", prefix)):
        if command:
            driver.run(*command).ok()
        (found,) = look(prefix)
        assert (len(found.fixes), found.facts["needed_otherwise"]) == (2, [])
        assert ";" not in found.message.replace("; pip's alpha 2.0 stands in its place", "")
    Ways(wheelhouse, driver).follow(prefix, found.fixes)
    assert told(prefix) == []


@pytest.mark.damage("PS105")
@pytest.mark.parametrize("way", [0, 1])
def test_a_package_of_another_name_that_is_needed(
    make_env: MakeEnv, wheelhouse: Path, driver: Driver, tmp_path: Path, way: int
) -> None:
    """Without the other way out the two findings led to each other: uninstall it, install it again."""
    prefix = make_env("pip", "gamma")
    user = write_wheel(simple("user", requires=("gamma-core",)), tmp_path)
    pip(prefix, "install", "--find-links", wheelhouse, user).ok()
    (found,) = look(prefix)
    assert found.code == "PS105"
    assert found.message.endswith(" of conda's gamma 1.0; pip's user 1.0 needs it by that name.")
    assert [fix.partition(": ")[0] for fix in found.fixes] == ["To keep pip's", "To keep conda's"]
    Ways(wheelhouse, driver).follow(prefix, found.fixes[way : way + 1])
    assert told(prefix, hashes=True) == [[], [("PS510", "error", "user")]][way]


@pytest.mark.twin("PS105")
def test_a_package_of_another_name_that_nobody_needs(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "gamma-core").ok()
    (found,) = look(prefix)
    assert found.message.endswith(" of conda's gamma 1.0.")
    assert (len(found.fixes), found.fixes[0].startswith("To ")) == (2, False)


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ([""], ""),
        (["", ">=1"], ">=1"),
        ([">=24.2", ">=26", ">=26.3", ">=9"], ">=26.3"),
        (["<30,>=1", "<29.5, !=27"], ">=1,<29.5,!=27"),
        (["==1.*", ">=1.0rc1", ">=1.0"], ">=1.0rc1,>=1.0,==1.*"),
    ],
)
def test_one_specifier_of_several(several: list[str], one: str) -> None:
    assert combined(several) == one


@pytest.mark.damage("PS106")
def test_several_lost_records_that_need_each_other(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    """Followed one by one, in the order in which they are printed: conda brings what the first needs along."""
    prefix = make_env("pip", "alpha=1.0", "beta")
    pip(prefix, "install", "--find-links", wheelhouse, "--force-reinstall", "alpha==2.0", "beta", "beta2").ok()
    (record,) = (prefix / "conda-meta").glob("beta-*.json")
    record.unlink()  # of the same version: `conda list` keeps it
    driver.run("list", "-p", prefix).ok()
    found = look(prefix)
    assert [(item.code, item.subject) for item in found] == [("PS106", "alpha"), ("PS106", "beta")]
    assert found[0].fixes == found[1].fixes
    for item in found:
        Ways(wheelhouse, driver).follow(prefix, item.fixes)
    assert told(prefix, hashes=True) == []
