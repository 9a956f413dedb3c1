"""The style sheet of the report: light and dark, wide and narrow."""

STYLE = """
:root { --back: #fcfcfb; --text: #1f2328; --faint: #5c6470; --line: #d9dce1; --bar: #7f93ad;
  --flag: #c8442f; --band: #c8442f22; --card: #f1f2f4; }
@media (prefers-color-scheme: dark) { :root { --back: #16181c; --text: #e4e6ea; --faint: #9aa3af;
  --line: #363b43; --bar: #6f86a6; --flag: #f0806b; --band: #f0806b2e; --card: #20242a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
ul { max-width: 46rem; padding-left: 1.25rem; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; }
.facts div { background: var(--card); border-radius: .5rem; padding: .6rem .9rem; }
.facts b { display: block; font-size: 1.25rem; }
.facts span { color: var(--faint); font-size: .875rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th { text-align: left; color: var(--faint); font-weight: 600; font-size: .875rem; }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word; }
td { max-width: 40rem; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.flagged td:nth-last-child(3) { color: var(--flag); font-weight: 700; }
.reason { display: grid; grid-template-columns: 4.5rem 1fr; gap: .6rem; align-items: baseline; }
.reason i { color: var(--faint); }
.bar { height: .6rem; background: var(--card); border-radius: 2px; overflow: hidden; }
.bar span { display: block; height: 100%; background: var(--bar); }
.dropped { color: var(--faint); }
svg { display: block; width: 100%; max-width: 46rem; height: auto; margin: .5rem 0; }
svg text { fill: var(--faint); font-size: 13px; }
svg .axis { stroke: var(--line); }
svg .bin { fill: var(--bar); }
svg .bin.flagged { fill: var(--flag); }
svg .band { fill: var(--band); }
svg .cut { stroke: var(--flag); stroke-width: 2; stroke-dasharray: 5 4; }
svg .prior { fill: none; stroke: var(--text); stroke-width: 1.5; }
svg .label { fill: var(--text); }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  svg text { font-size: 19px; }
  table.rows thead { display: none; }
  table.rows tbody, table.rows { display: block; }
  table.rows tr { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  table.rows td { border: 0; padding: .1rem 0; }
  table.rows td::before { content: attr(data-name); color: var(--faint); font-weight: 400; }
  table.rows td:last-child { width: 100%; }
  .reason { grid-template-columns: 2.5rem 1fr; }
}
@media print { .wide { overflow: visible; } }
"""
