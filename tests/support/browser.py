"""A real browser without a window: what it makes of a page, what it complains of, what it asks the network for."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from support.running import run

# Firefox has no way to print the document that it made.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_CONSOLE = re.compile(r"CONSOLE.*?\] (.*)")


@dataclass(frozen=True)
class Opened:
    """What became of a page.

    Attributes:
        dom: The document after loading, as HTML.
        console: What the browser wrote to the page's console.
        asked: Addresses that the page made it ask the network for.
    """

    dom: str
    console: list[str]
    asked: list[str]


def find_browser() -> str | None:
    """The first browser on PATH that can be asked for its document."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def open_page(browser: str, page: Path, folder: Path) -> Opened:
    """Open a file; `folder` takes the browser's own files."""
    log = folder / "net.json"
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}",
             f"--log-net-log={log}", "--virtual-time-budget=2000", "--dump-dom"]  # fmt: skip
    done = run(browser, *words, page.as_uri()).ok()
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event["params"] for event in events if "initiator" in event.get("params", {})]
    # What a browser asks its maker for, whatever the page, has an initiator that is none.
    urls = {str(each["url"]) for each in asked if each["initiator"] != "not an origin"}
    return Opened(done.stdout, _CONSOLE.findall(done.stderr), sorted(urls))
