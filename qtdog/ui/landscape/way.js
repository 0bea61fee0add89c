// The way there: a slider moves both runs over their plane, in the browser alone. `place` is the id
// of what holds slider, picture and numbers; the last two traces of the picture are the runs.
const wayOf = (place) => {
  const root = document.getElementById(place);
  const told = root?.querySelector(".way");
  return told && { root, told, frames: JSON.parse(told.dataset.frames) };
};

const frameAt = ({ frames }, step) => frames.find((one) => one.step >= Number(step)) ?? frames.at(-1);

const moveWay = (place, step) => {
  const way = wayOf(place);
  if (!way) return;
  const frame = frameAt(way, step);
  way.told.querySelectorAll("[data-way]").forEach((one, at) => (one.textContent = frame.words[at]));
  const plot = way.root.querySelector(".js-plotly-plot");
  if (!plot?.data) return;
  const last = plot.data.length;
  const to = { x: frame.x.map((value) => [value]), y: frame.y.map((value) => [value]) };
  window.Plotly.restyle(plot, to, [last - 2, last - 1]);
};

// Play goes on to the next evaluation, from the last one back to the first, until it is at the last
// or pressed again. Who wants less motion gets one evaluation a press.
const playWay = (place) => {
  const way = wayOf(place);
  const button = way?.root.querySelector(".way-play");
  if (!button) return;
  const slider = way.root.querySelector("input[type=range]");
  const words = button.dataset.words ?? (button.dataset.words = button.textContent);
  const stop = () => {
    clearInterval(Number(button.dataset.playing));
    delete button.dataset.playing;
    button.textContent = words;
  };
  if (button.dataset.playing) return stop();
  const steps = way.frames.map((one) => one.step);
  const on = () => {
    const next = steps.find((step) => step > Number(slider.value)) ?? steps[0];
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(slider, next);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    return next;
  };
  const next = on();
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  button.textContent = "Stop";
  const going = setInterval(() => {
    if (!button.isConnected || on() === steps.at(-1)) stop();
  }, 700);
  button.dataset.playing = going;
  if (next === steps.at(-1)) stop();
};
