// How the search orders its hits: Sphinx's own figures, with tasks first. A word stands on many pages of
// the reference, and most readers look for the page that says how to do it.
var Scorer = {
  score: ([docname, title, anchor, descr, score]) => {
    if (/(^|\/)index$/.test(docname)) return score - 4;
    if (/^(how_to\/|getting_started|choosing)/.test(docname)) return score + 8;
    if (docname === "reference/glossary") return score - 10;
    if (/^(benchmarks|development)\//.test(docname)) return score - 4;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
