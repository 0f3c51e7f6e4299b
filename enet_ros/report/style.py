"""The look of a report: one style sheet, light and dark by the reader's setting, nothing loaded from elsewhere."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, sans-serif;
  --page: #f7f7f4; --card: #ffffff; --ink: #1b1d1f; --muted: #63686d; --line: #dedfd9;
  --accent: #1f6f8b; --soft: #e3eef2; --bad: #b4432f; --heat: 31, 111, 139;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e7e8e6; --muted: #9aa1a8; --line: #32383e;
    --accent: #6fc0dc; --soft: #203540; --bad: #ef8a72; --heat: 88, 178, 208;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 var(--font); }
main { max-width: 1120px; margin: 0 auto; padding: 48px 24px 72px; }
.kicker { color: var(--accent); font-size: 13px; font-weight: 600; letter-spacing: .08em; margin: 0 0 4px;
  text-transform: uppercase; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.015em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 21px; letter-spacing: -.005em; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 26px 0 8px; }
.lede { color: var(--muted); margin: 8px 0 0; max-width: 70ch; overflow-wrap: anywhere; }
.note { color: var(--muted); font-size: 14px; margin: 0 0 18px; max-width: 78ch; }
.stats { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 32px 0 0; }
.stat { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px 12px; }
.stat b { display: block; font-size: 28px; font-weight: 650; letter-spacing: -.02em; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.stat b small { color: var(--muted); font-size: 15px; font-weight: 500; letter-spacing: 0; margin-left: 3px; }
.stat span { color: var(--muted); font-size: 13px; }
.stat.lead { background: var(--soft); border-color: transparent; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; margin: 24px 0 0;
  padding: 24px 26px 26px; }
figure { margin: 0; }
figcaption { color: var(--muted); font-size: 13px; margin-top: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; width: 100%; }
th { color: var(--muted); font-weight: 500; text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: 6px 10px 6px 0; vertical-align: middle; }
td.n, th.n { text-align: right; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.swatch { border: 1px solid rgba(128, 128, 128, .45); border-radius: 3px; display: inline-block; height: 12px;
  margin-right: 8px; vertical-align: -1px; width: 12px; }
.bar { background: var(--line); border-radius: 3px; height: 10px; min-width: 120px; overflow: hidden; }
.bar i { background: var(--accent); display: block; height: 100%; }
td.bars { width: 46%; padding-right: 16px; }
.matrix { max-width: 880px; }
.matrix th, .matrix td { border: 0; font-size: 12px; padding: 0; }
.matrix thead th { height: 92px; position: relative; vertical-align: bottom; }
.matrix thead th > span { display: block; left: 50%; bottom: 4px; position: absolute; transform: rotate(-48deg);
  transform-origin: 0 100%; white-space: nowrap; }
.matrix tbody th { padding-right: 10px; text-align: right; white-space: nowrap; }
.matrix td { border: 1px solid var(--card); height: 30px; min-width: 40px; text-align: center; }
.matrix td.strong { color: var(--card); }
.frame { border-top: 1px solid var(--line); padding: 14px 0 4px; }
.frame:first-of-type { border-top: 0; padding-top: 0; }
.frame > p { font-size: 14px; margin: 0 0 8px; overflow-wrap: anywhere; }
.frame > p span { color: var(--muted); }
.row { display: grid; gap: 8px; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); }
.strip { display: grid; gap: 8px; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); }
.row img, .strip img { border-radius: 5px; display: block; height: auto; width: 100%; }
.legend { display: flex; flex-wrap: wrap; font-size: 13px; gap: 4px 18px; margin: 16px 0 0; padding: 0; }
.stack figure + figure { margin-top: 22px; }
.charts { display: grid; gap: 24px; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); }
svg { display: block; height: auto; max-width: 100%; width: 100%; }
dl { display: grid; font-size: 14px; gap: 6px 20px; grid-template-columns: max-content 1fr; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { color: var(--muted); font-size: 13px; margin-top: 28px; }
@media (max-width: 640px) {
  main { padding: 28px 14px 48px; }
  section { padding: 18px 16px; }
  h1 { font-size: 27px; }
  .bar { min-width: 48px; }
  td.bars { padding-right: 8px; width: auto; }
  th, td { padding-right: 6px; }
}
@media print { body { background: #fff; } section, .stat { break-inside: avoid; } }
"""
