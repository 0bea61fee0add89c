// What memory buys: the held-out domain, the limit in MB and the speed of a download, in `group`.
const control = (name) => group.querySelector(`[data-address="${name}"]`);
const domain = control("memory"), limit = control("megabytes"), speed = control("speed");
const panels = [...group.querySelectorAll(":scope > .panel")];

const NARROW = 520; // px, where the axis' title takes two lines
// How long a download takes, as the page with a server says it.
const seconds = (megabytes) => {
  const time = (8 * megabytes) / Number(speed.value);
  if (time > 90) return `${(time / 60).toFixed(1)} min`;
  return `${time.toFixed(time < 10 ? 1 : 0)} s`;
};
const bestOf = (panel) => [...panel.querySelectorAll(".best")].filter((one) => Number(one.dataset.megabytes) <= Number(limit.value)).at(-1);

const adapt = (panel) => ({ data, layout }) => {
  const label = JSON.parse(bestOf(panel).dataset.label);
  for (const { x, y, marker, customdata } of data) {
    if (!customdata) continue;
    customdata.forEach((said, place) => { said[2] = seconds(x[place]); });
    const isBest = (place) => label && y[place] === label.y && Math.abs(Math.log10(x[place]) - label.x) < 1e-9;
    marker.size = x.map((_, place) => (isBest(place) ? 12 : 9));
  }
  layout.annotations = label ? [label] : [];
  Object.assign(layout.shapes[0], { x0: Number(limit.value), x1: Number(limit.value) });
  layout.xaxis.ticktext = layout.xaxis.tickvals.map((tick) => `${tick}<br>${seconds(tick)}`);
  const title = layout.xaxis.title.text.replace(/at [\d.]+ /, `at ${speed.value} `);
  layout.xaxis.title.text = panel.clientWidth < NARROW ? title.replace(", ", ",<br>") : title;
};
const show = () => {
  for (const panel of panels) panel.hidden = panel.dataset.domain !== domain.value;
  const panel = panels.find((one) => !one.hidden), best = bestOf(panel), plot = panel.querySelector("div.plot");
  for (const one of panel.querySelectorAll(".best")) one.hidden = one !== best;
  for (const one of best.querySelectorAll("[data-limit]")) one.textContent = String(Number(limit.value));
  for (const one of best.querySelectorAll("[data-seconds]")) one.textContent = seconds(Number(best.dataset.megabytes));
  limit.nextElementSibling.textContent = `${Number(limit.value)} MB`;
  settle(group);
  if (isDrawn(plot)) draw(plot);
};
for (const panel of panels) adapting.set(panel.querySelector("div.plot"), adapt(panel));
wake(group);
for (const one of [domain, limit, speed]) one.addEventListener("input", show);
show();
