// Planes side by side: a point that is chosen in one is read in all, of surfaces as of contours. `element`
// is the line that says what is at that point. A contour plot's first trace holds its numbers in `meta`,
// its last is the mark.
const planes = () =>
  [...document.querySelectorAll(".landscape-planes .js-plotly-plot")].filter((plot) => plot.data?.[0]?.meta?.loss && plot.clientWidth);

const onContours = (x, y) => planes().map((plot) => {
  const { meta } = plot.data[0];
  const [row, column] = [nearest(meta.y, y), nearest(meta.x, x)];
  window.Plotly.restyle(plot, { x: [[meta.x[column]]], y: [[meta.y[row]]] }, [plot.data.length - 1]);
  return { name: meta.name, loss: meta.loss[row][column], accuracy: meta.accuracy[row][column] };
});
const onSurfaces = (x, y) => {
  const found = readings(x, y);
  for (const one of found) states.get(one.element).mark = one;
  if (found.length) redraw();
  return found;
};
const mark = (x, y) => {
  const said = [...onSurfaces(x, y), ...onContours(x, y)].map(({ name, loss, accuracy }) => `${name}: ${loss.toFixed(3)} nats, ${accuracy.toFixed(1)} %`);
  element.textContent = `At the same point (${x.toFixed(2)}, ${y.toFixed(2)}): ${said.join("; ")}.`;
};
keepSurfaces(mark);

const follow = (plot) => {
  if (plot.qtdogFollowed === plot._fullLayout?._uid) return;
  plot.qtdogFollowed = plot._fullLayout?._uid;
  plot.on("plotly_click", ({ points: [point] }) => {
    if (point && planes().includes(plot)) mark(point.x, point.y);
  });
};
// Plots come and go with every choice: they are met when somebody points at them.
for (const name of ["pointerover", "pointerdown", "touchstart", "focusin"])
  document.addEventListener(name, () => planes().forEach(follow), { capture: true, passive: true });
