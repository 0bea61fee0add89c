// Pages without a server: light or dark, one panel of several, plots when they come into view. A script
// that names a place wires that place alone.
{
const { root: place } = document.currentScript.dataset;
const root = document.getElementById(place) ?? document;
const dark = matchMedia("(prefers-color-scheme: dark)");
const look = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", look);
look();

root.querySelectorAll(".results-table").forEach((element) => {
  const trigger = place ? () => {} : undefined;  // a page has an address for order and search, a file has not
  /* results.js */
});

// A plot with several looks is told which one; whoever follows controls changes the figure first.
const adapting = new Map(), template = /* template */;
const draw = (plot) => {
  const { look: name } = plot.dataset;
  const script = name ? plot.querySelector(`script[data-look="${name}"]`) : plot.querySelector("script");
  const figure = JSON.parse(script.textContent);
  adapting.get(plot)?.(figure);
  const { data, layout } = figure;
  layout.template = template;
  plot.style.height = `${layout.height ?? 450}px`;
  return Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true });
};
const isDrawn = (plot) => plot.classList.contains("js-plotly-plot");
const seen = new IntersectionObserver(async (entries) => {
  if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
  try {
    await globalThis.bringPlotly?.();  // where it is a file of its own
  } catch {
    for (const { target } of entries) target.textContent = "This figure cannot be loaded. Open the page again later.";
    return;
  }
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || target.closest("[hidden]")) continue;
    seen.unobserve(target);
    draw(target);
  }
}, { rootMargin: "300px" });
root.querySelectorAll("div.plot").forEach((plot) => seen.observe(plot));

// Another panel is shown: its plots may have been drawn at another width, and what nobody sees gives back
// its memory.
const settle = (group) => {
  for (const plot of group.querySelectorAll("div.plot")) {
    if (!isDrawn(plot)) continue;
    if (plot.closest("[hidden]")) {
      Plotly.purge(plot);
      plot.classList.remove("js-plotly-plot");
      seen.observe(plot);
    } else Plotly.Plots.resize(plot);
  }
};
// Choices are of use from here on.
const wake = (group) => {
  group.querySelectorAll(":scope > .choice, :scope > .tools .choice").forEach((one) => { one.hidden = false; });
  group.querySelectorAll(":scope > .panel > .panel-title").forEach((one) => { one.hidden = true; });
};

root.querySelectorAll(".panels").forEach((group) => {
  const panels = group.querySelectorAll(":scope > .panel");
  const select = group.querySelector(":scope > .choice select");
  const show = () => {
    panels.forEach((panel, place) => { panel.hidden = place !== select.selectedIndex; });
    settle(group);
  };
  wake(group);
  select.addEventListener("change", show);
  show();
});

/* way.js */
// Ways of the same runs on other images are at the same step.
const ways = [...root.querySelectorAll(".way-place")];
const stepOf = (place) => place.querySelector("input[type=range]");
for (const place of ways) {
  place.querySelectorAll("[hidden]").forEach((one) => { one.hidden = false; });
  stepOf(place).addEventListener("input", ({ target: { value } }) => ways.forEach((one) => {
    stepOf(one).value = value;
    moveWay(one.id, value);
  }));
  place.querySelector(".way-play").addEventListener("click", () => playWay(place.id));
  moveWay(place.id, stepOf(place).value);
  adapting.set(place.querySelector("div.plot"), ({ data }) => {
    const { x, y } = frameAt(wayOf(place.id), stepOf(place).value);
    data.slice(-2).forEach((run, at) => Object.assign(run, { x: [x[at]], y: [y[at]] }));
  });
}

// Learn has a list of that class too.
root.querySelectorAll(".memory:has(> .tools)").forEach((group) => {
  /* memory.js */
});
root.querySelectorAll(".keyed").forEach((group) => {
  /* landscapes.js */
});
root.querySelectorAll("#landscape-picked").forEach((element) => {
  /* landscape.js */
});

// A link to a run log opens it.
const open = () => {
  const log = location.hash.startsWith("#log-") && document.querySelector(location.hash);
  if (log) log.open = true;
};
addEventListener("hashchange", open);
open();
}
