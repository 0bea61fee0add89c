// The static page: light or dark, one panel of several, plots when they come into view. A script that
// names a place wires that place alone.
{
const root = document.getElementById(document.currentScript.dataset.root) ?? document;
const dark = matchMedia("(prefers-color-scheme: dark)");
const look = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", look);
look();

root.querySelectorAll(".results-table").forEach((element) => {
  const trigger = undefined;
  /* results.js */
});

const draw = (plot) => {
  const { data, layout } = JSON.parse(plot.firstElementChild.textContent);
  Plotly.newPlot(plot, data, layout, { displayModeBar: false, responsive: true });
};
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "300px" });
root.querySelectorAll("div.plot").forEach((plot) => seen.observe(plot));

root.querySelectorAll(".panels").forEach((group) => {
  const panels = group.querySelectorAll(":scope > .panel");
  const select = group.querySelector(":scope > .choice select");
  const show = () => {
    panels.forEach((panel, place) => { panel.hidden = place !== select.selectedIndex; });
    // Plots drawn in another panel took another width.
    group.querySelectorAll(".panel:not([hidden]) .js-plotly-plot").forEach((plot) => Plotly.Plots.resize(plot));
  };
  panels.forEach((panel) => { panel.querySelector(":scope > .panel-title").hidden = true; });
  select.parentElement.hidden = false;
  select.addEventListener("change", show);
  show();
});

// A link to a run log opens it.
const open = () => {
  const log = location.hash.startsWith("#log-") && document.querySelector(location.hash);
  if (log) log.open = true;
};
addEventListener("hashchange", open);
open();
}
