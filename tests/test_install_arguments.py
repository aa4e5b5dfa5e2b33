from __future__ import annotations

import argparse

import pytest

from conda_pipsafe.cli import install
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer.arguments import pip_arguments, split, without_secrets


@pytest.mark.parametrize(
    ("words", "ours", "pips"),
    [
        (["rich", "httpx[http2]>=0.27"], [], ["rich", "httpx[http2]>=0.27"]),
        (["-qU", "rich"], ["-q"], ["-U", "rich"]),
        (["-qr", "req.txt"], ["-q"], ["-r", "req.txt"]),
        (["-rreq.txt", "-e."], [], ["-r", "req.txt", "-e", "."]),
        (["-c", "-q", "-v"], ["-v"], ["-c", "-q"]),
        (["-i", "https://x/simple", "-n", "env"], ["-n", "env"], ["-i", "https://x/simple"]),
        (["-nenv", "-p/x", "-vv"], ["-n", "env", "-p", "/x", "-v", "-v"], []),
        (["--pre", "--prefix", "/x", "--name=env"], ["--prefix", "/x", "--name=env"], ["--pre"]),
        (["-C", "--build-option=-j4", "-d"], ["-d"], ["-C", "--build-option=-j4"]),
        (["--config-settings", "-d"], [], ["--config-settings", "-d"]),
        (["--extra-index-url", "--json", "--json"], ["--json"], ["--extra-index-url", "--json"]),
        (["--index", "-q"], [], ["--index", "-q"]),
        (["--only-binary=:all:", ":none:"], [], ["--only-binary=:all:", ":none:"]),
        (["--allow-replace", "requests", "--report", "f"], ["--allow-replace", "requests", "--report", "f"], []),
        (["rich", "--", "-q", "--json"], [], ["rich", "--", "-q", "--json"]),
        (["-"], [], ["-"]),
        (["-r"], [], ["-r"]),
        (["a; python_version < '3.12'", "b @ https://x/b.whl"], [], ["a; python_version < '3.12'", "b @ https://x/b.whl"]),
    ],
)  # fmt: skip
def test_ours_and_pips_are_told_apart(words: list[str], ours: list[str], pips: list[str]) -> None:
    assert split(words) == (ours, pips)


def test_the_parser_keeps_pips_words_in_order() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    install.configure(parser)
    parser.add_argument("-q", "--quiet", action="store_true")
    ours, rest = install.split(["-qU", "--pre", "b", "-p", "/x", "-e", ".", "a", "--find-links", "-d", "-d"])
    args = parser.parse_args(ours)
    assert args.quiet
    assert args.dry_run
    assert args.prefix == "/x"
    assert rest == ["-U", "--pre", "b", "-e", ".", "a", "--find-links", "-d"]


@pytest.mark.parametrize(
    "words",
    [["--user"], ["-t", "x"], ["--target=x"], ["--targ", "x"], ["--root", "x"], ["--python", "x"]],
)
def test_an_install_elsewhere_is_refused_with_a_way_out(words: list[str]) -> None:
    with pytest.raises(PipsafeError, match="not done here") as caught:
        pip_arguments([*words, "rich"])
    assert caught.value.exit_code is Exit.REFUSED
    assert caught.value.hint is not None
    assert "-p PATH" in caught.value.hint


@pytest.mark.parametrize(
    "words", [[], ["-U"], ["-i", "https://x"], ["--no-deps", "--pre"], ["-c", "file"], ["--root-user-action", "ignore"]]
)
def test_nothing_to_install_is_a_usage_error(words: list[str]) -> None:
    with pytest.raises(PipsafeError, match="at least one requirement") as caught:
        pip_arguments(words)
    assert caught.value.exit_code is Exit.USAGE


@pytest.mark.parametrize("words", [["-r", "f"], ["-e", "."], ["--group", "dev"], ["--", "x"], ["--requirement=f"]])
def test_what_names_something_is_enough(words: list[str]) -> None:
    assert pip_arguments(words).words == tuple(words)


def test_what_was_asked_for_by_name_is_known() -> None:
    found = pip_arguments(
        ["Foo_Bar[x] >= 1, <2", "baz", "./local", "q @ https://x/q.whl", "-U", "z==1; os_name == 'nt'"]
    )
    assert found.specs == {"foo-bar": ">=1,<2", "baz": "", "z": "==1"}
    assert found.upgrade
    assert not found.reinstall
    assert pip_arguments(["-I", "x", "--no-user"]).reinstall
    assert pip_arguments(["x", "--no-user"]).words == ("x",)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--index-url", "https://me:s3cret@host/simple"], ["--index-url", "https://host/simple"]),
        (["--index-url=https://me:s3cret@host/simple"], ["--index-url=https://host/simple"]),
        (["x @ git+https://s3cret@host/x.git@main#egg=x"], ["x @ git+https://host/x.git@main#egg=x"]),
        (["git+ssh://git@host/x.git"], ["git+ssh://git@host/x.git"]),
        (["https://host/x.whl?token=s3cret"], ["https://host/x.whl?token=****"]),
        (["--proxy", "me:s3cret@proxy:3128", "a@b"], ["--proxy", "proxy:3128", "a@b"]),
        (["--proxy=http://me:s3cret@proxy:3128"], ["--proxy=http://proxy:3128"]),
    ],
)
def test_no_secret_is_shown(words: list[str], shown: list[str]) -> None:
    assert list(without_secrets(words)) == shown
