"""The style of the audit's page: light and dark, on a screen, on a telephone and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; --error: #c0271f; --warning: #a35c00; --note: #546e7a;
  --good: #2e7d32; --conda: #7cb77c; --pip: #6fa3d8; }
@media (prefers-color-scheme: dark) {
  :root { --error: #ff8a80; --warning: #ffb74d; --note: #b0bec5; --good: #81c784; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; padding-top: 1rem; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { margin: .25rem 0; padding: .5rem .75rem; background: var(--soft); border-radius: 4px; max-height: 24rem;
  overflow: auto; }
a { color: inherit; }
.soft { color: var(--note); }
.pill { display: inline-block; padding: 0 .6rem; margin-right: .4rem; border-radius: 1rem;
  border: 1px solid currentColor; font-weight: 600; white-space: nowrap; }
.pill.error { color: var(--error); } .pill.warning { color: var(--warning); } .pill.note { color: var(--note); }
.pill.good { color: var(--good); } .pill.none { color: var(--note); font-weight: 400; opacity: .7; }
article { border: 1px solid var(--line); border-left: 5px solid var(--note); border-radius: 4px; padding: .6rem 1rem;
  margin: .75rem 0; break-inside: avoid; }
article.error { border-left-color: var(--error); } article.warning { border-left-color: var(--warning); }
article p { margin: .25rem 0; } article .said { font-weight: 600; overflow-wrap: anywhere; }
article ol, article ul { margin: .4rem 0; padding-left: 1.4rem; }
article ol code { display: block; padding: .2rem .5rem; background: var(--soft); border-radius: 4px; margin: .2rem 0; }
.error .badge { color: var(--error); } .warning .badge { color: var(--warning); } .badge { font-weight: 600; }
summary { cursor: pointer; color: var(--note); }
p.failed { color: var(--error); font-weight: 600; }
svg { width: 100%; height: auto; display: block; }
rect { stroke: Canvas; stroke-width: 1; } rect.conda { fill: var(--conda); } rect.pip { fill: var(--pip); }
rect.contested { stroke: var(--error); stroke-width: 3; }
svg text { font: 11px ui-monospace, monospace; fill: #000; pointer-events: none; }
.key span { padding: .05rem .6rem; margin: 0 .6rem .3rem 0; color: #000; display: inline-block; border-radius: 3px; }
.key .conda { background: var(--conda); } .key .pip { background: var(--pip); }
.key .both { background: Canvas; color: CanvasText; outline: 2px solid var(--error); outline-offset: -2px; }
table { border-collapse: collapse; width: 100%; } td.number, th.number { text-align: right; white-space: nowrap; }
td, th { text-align: left; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere;
  vertical-align: top; } td:first-child { min-width: 12rem; }
ol.time { list-style: none; margin: 0; padding: 0 0 0 1.1rem; border-left: 2px solid var(--line); }
ol.time li { position: relative; padding: .15rem 0; overflow-wrap: anywhere; }
ol.time li::before { content: ""; position: absolute; left: -1.55rem; top: .5rem; width: .75rem; height: .75rem;
  border-radius: 50%; background: var(--pip); border: 2px solid Canvas; }
ol.time li.conda { font-weight: 600; margin-top: .6rem; } ol.time li.conda::before { background: var(--conda); }
ol.time li.bad::before { background: var(--error); } ol.time time { color: var(--note); font-weight: 400; }
footer { margin-top: 3rem; color: var(--note); }
@media print { details > *, details::details-content { display: block; } pre { max-height: none; } }
""".strip()
