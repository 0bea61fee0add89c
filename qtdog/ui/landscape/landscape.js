// Planes side by side: turned together, and a point that is chosen in one is marked in all.
// `element` is the line that says what is at that point. A plane's first trace holds its numbers in
// `meta`, its last is the mark.
const planes = () =>
  [...document.querySelectorAll(".landscape-planes .js-plotly-plot")].filter((plot) => plot.data?.[0]?.meta?.loss);

let turning = 0; // the frame that is to come, so that a fast hand does not queue work
const turn = (from, changes) => {
  const camera = changes["scene.camera"];
  if (!camera) return;
  cancelAnimationFrame(turning);
  turning = requestAnimationFrame(() => {
    planes()
      .filter((plot) => plot !== from && plot.layout.scene)
      .forEach((plot) => {
        if (JSON.stringify(plot._fullLayout.scene.camera) === JSON.stringify(camera)) return;
        window.Plotly.relayout(plot, { "scene.camera": camera });
      });
  });
};

const nearest = (values, wanted) =>
  values.reduce((best, value, place) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? place : best), 0);

const mark = (x, y) => {
  const said = planes().map((plot) => {
    const { meta } = plot.data[0];
    const [row, column] = [nearest(meta.y, y), nearest(meta.x, x)];
    const [loss, accuracy] = [meta.loss[row][column], meta.accuracy[row][column]];
    const height = Math.min(meta.quantity === "loss" ? loss : accuracy, meta.highest);
    const place = { x: [[meta.x[column]]], y: [[meta.y[row]]] };
    if (plot.layout.scene) place.z = [[height]];
    window.Plotly.restyle(plot, place, [plot.data.length - 1]);
    return `${meta.name}: ${loss.toFixed(3)} nats, ${accuracy.toFixed(1)} %`;
  });
  element.textContent = `At the same point (${x.toFixed(2)}, ${y.toFixed(2)}): ${said.join("; ")}.`;
};

const follow = (plot) => {
  if (plot.qtdogFollowed === plot._fullLayout?._uid) return;
  plot.qtdogFollowed = plot._fullLayout?._uid;
  for (const name of ["plotly_relayouting", "plotly_relayout"]) plot.on(name, (changes) => turn(plot, changes));
  plot.on("plotly_click", ({ points: [point] }) => {
    if (point && planes().includes(plot)) mark(point.x, point.y);
  });
};

// Where it is narrow the camera steps back: plotly fits a scene by its height, and its words stay large.
const stepBack = (plot) => {
  const back = (0.6 * plot.clientHeight + 108) / plot.clientWidth, eye = plot.layout.scene?.camera?.eye;
  if (!eye || !Number.isFinite(back) || back <= 1) return;
  const further = Object.fromEntries(Object.entries(eye).map(([axis, value]) => [axis, value * back]));
  window.Plotly.relayout(plot, { "scene.camera.eye": further });
};
const shown = document.querySelector("#landscape-planes");
if (shown) {
  new MutationObserver(() => planes().filter((plot) => plot._fullLayout?._uid !== plot.qtdogMet).forEach((plot) => {
    plot.qtdogMet = plot._fullLayout?._uid;
    stepBack(plot);
  })).observe(shown, { childList: true, subtree: true });
}

// Plots come and go with every choice: they are met when somebody points at them.
for (const name of ["pointerover", "pointerdown", "touchstart", "focusin"])
  document.addEventListener(name, () => planes().forEach(follow), { capture: true, passive: true });

// Without WebGL there are contours.
const canvas = document.createElement("canvas");
if (!(canvas.getContext("webgl2") ?? canvas.getContext("webgl"))) {
  const deep = document.querySelector("#landscape-3d input");
  if (deep?.checked) deep.click();
}
