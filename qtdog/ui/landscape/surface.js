// Surfaces side by side on plain canvases: they need no WebGL, turn as one, and are drawn from far to near.
// One is `<div class="surface" data-surface="{numbers}" data-quantity="loss">`.
const UNITS = { loss: "nats", accuracy: "%" };
// Viridis from dark to light: high loss and low accuracy are dark, in grey too.
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const SHADES = 64, LEVELS = 16, MARK = "#d4145a", TYPE = 12;
const DEEP = 0.75; // height of the box, of its width
const FLOOR = 0.25; // room below the surface for its contours, of its height
const DISTANCE = 2.8; // of the eye from the middle of the box
const REST_MS = 140, FINE = 3; // once at rest every cell is drawn in 3 x 3 parts
const NEAR = 16; // px from the pointer to a point
const view = { turn: -Math.PI / 4, tilt: 0.4 };
let resting = true, restTimer = 0, asked = 0;

const states = new Map(); // of every element that was met
const surfaces = () => [...document.querySelectorAll(".landscape-planes .surface[data-surface]")].filter((one) => states.get(one)?.canvas.clientWidth);

const rgbOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const SHADED = Array.from({ length: SHADES }, (_, i) => {
  const place = (i / (SHADES - 1)) * (VIRIDIS.length - 1), low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const [one, other] = [rgbOf(VIRIDIS[low]), rgbOf(VIRIDIS[low + 1])];
  return `rgb(${one.map((value, at) => Math.round(value + (place - low) * (other[at] - value))).join()})`;
});

// What of a grid depends on neither the view nor the canvas: heights from 0 to 1, finer ones, and where levels
// cross each cell, as ends of lines in the unit square.
const solid = (data, quantity) => {
  const [low, high] = data.limits[quantity], { x, y } = data;
  const share = (value) => (Math.min(Math.max(value, low), high) - low) / (high - low);
  const heights = data[quantity].map((row) => row.map(share));
  const across = x.map((value) => (value - x[0]) / (x[x.length - 1] - x[0]));
  const along = y.map((value) => (value - y[0]) / (y[y.length - 1] - y[0]));
  const lines = [];
  for (let j = 0; j + 1 < y.length; j++) {
    for (let i = 0; i + 1 < x.length; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]].map(([a, b]) => [across[a], along[b], heights[b][a]]);
      const found = [];
      for (let level = 1; level < LEVELS; level++) {
        const at = level / LEVELS, ends = [];
        corners.forEach((one, k) => {
          const next = corners[(k + 1) % 4];
          if ((one[2] < at) === (next[2] < at)) return;
          const part = (at - one[2]) / (next[2] - one[2]);
          ends.push([one[0] + part * (next[0] - one[0]), one[1] + part * (next[1] - one[1])]);
        });
        for (let k = 0; k + 1 < ends.length; k += 2) found.push([at, ...ends[k], ...ends[k + 1]]);
      }
      lines.push(found);
    }
  }
  const finer = (times) => {
    const rows = (y.length - 1) * times + 1, columns = (x.length - 1) * times + 1;
    const mesh = { columns, times, across: new Float64Array(columns), along: new Float64Array(rows), heights: new Float64Array(rows * columns) };
    const between = (values, k) => {
      const whole = Math.min(Math.floor(k / times), values.length - 2), part = k / times - whole;
      return [whole, part];
    };
    for (let k = 0; k < columns; k++) {
      const [a, part] = between(across, k);
      mesh.across[k] = across[a] + part * (across[a + 1] - across[a]);
    }
    for (let k = 0; k < rows; k++) {
      const [b, up] = between(along, k);
      mesh.along[k] = along[b] + up * (along[b + 1] - along[b]);
      for (let i = 0; i < columns; i++) {
        const [a, right] = between(across, i), one = heights[b], other = heights[b + 1];
        mesh.heights[k * columns + i] = (1 - up) * ((1 - right) * one[a] + right * one[a + 1]) + up * ((1 - right) * other[a] + right * other[a + 1]);
      }
    }
    return mesh;
  };
  return { low, high, lines, meshes: [finer(1), finer(FINE)], reversed: quantity === "loss" };
};

const ticksOf = (low, high, most) => {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => (high - low) / one <= most) ?? 10 * power;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(Number((k * step).toPrecision(6)));
  return ticks;
};

// From the unit square and the heights to the canvas, as it is seen now.
const projection = (width, height) => {
  const [sa, ca, se, ce] = [Math.sin(view.turn), Math.cos(view.turn), Math.sin(view.tilt), Math.cos(view.tilt)];
  const scale = Math.min((width - 62) / 1.46, (height - 40) / (1.22 * (Math.SQRT2 * se + DEEP * ce)));
  const middle = [width / 2 + 14, height / 2 - 8];
  return {
    towards: [ca, sa],
    of(x, y, share) { // share: 0 is the surface's lowest, below it lies the floor
      const X = x - 0.5, Y = y - 0.5, Z = DEEP * ((share + FLOOR) / (1 + FLOOR) - 0.5);
      const size = (scale * DISTANCE) / (DISTANCE - (ce * ca * X + ce * sa * Y + se * Z));
      return [middle[0] + size * (ca * Y - sa * X), middle[1] - size * (ce * Z - se * (ca * X + sa * Y))];
    },
  };
};

const draw = (element) => {
  const state = states.get(element), { canvas, data } = state, quantity = element.dataset.quantity;
  const { clientWidth: width, clientHeight: height } = canvas, context = canvas.getContext("2d");
  if (!width || !height || !context) return;
  const ratio = Math.min((devicePixelRatio * canvas.getBoundingClientRect().width) / width, 4);
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(element), colour = (name) => style.getPropertyValue(name).trim();
  const of = (state.solids[quantity] ??= solid(data, quantity)), shades = of.reversed ? [...SHADED].reverse() : SHADED;
  const shade = (share) => shades[Math.min(SHADES - 1, Math.max(0, Math.round(share * (SHADES - 1))))];
  const seen = projection(width, height), at = seen.of;
  const path = (...points) => {
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
  };

  // The box: its floor, and the heights on the walls behind.
  const far = seen.towards.map((one) => (one > 0 ? 0 : 1)), near = far.map((one) => 1 - one), bottom = -FLOOR;
  context.lineWidth = 1;
  context.strokeStyle = colour("--line");
  path(at(0, 0, bottom), at(1, 0, bottom), at(1, 1, bottom), at(0, 1, bottom), at(0, 0, bottom));
  context.stroke();
  const heights = ticksOf(of.low, of.high, 3), shareOf = (value) => (value - of.low) / (of.high - of.low);
  for (const value of heights) {
    path(at(far[0], near[1], shareOf(value)), at(far[0], far[1], shareOf(value)), at(near[0], far[1], shareOf(value)));
    context.stroke();
  }
  for (const level of of.lines) {
    for (const [share, x1, y1, x2, y2] of level) {
      context.strokeStyle = shade(share);
      path(at(x1, y1, bottom), at(x2, y2, bottom));
      context.stroke();
    }
  }

  // The surface, its cells from far to near, each with the levels that cross it.
  const mesh = of.meshes[resting ? 1 : 0], { columns, times } = mesh, rows = mesh.along.length;
  const [X, Y] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) [X[j * columns + i], Y[j * columns + i]] = at(mesh.across[i], mesh.along[j], mesh.heights[j * columns + i]);
  }
  const order = (count, from) => Array.from({ length: count }, (_, k) => (from === 0 ? k : count - 1 - k));
  const cellsAcross = (columns - 1) / times, cellsAlong = (rows - 1) / times;
  const [inX, inY] = [order(times, far[0]), order(times, far[1])];
  context.lineJoin = "round";
  for (const j of order(cellsAlong, far[1])) {
    for (const i of order(cellsAcross, far[0])) {
      context.lineWidth = 0.7;
      for (const b of inY) {
        for (const a of inX) {
          const k = (j * times + b) * columns + i * times + a, right = k + 1, up = k + columns, across = up + 1;
          const { heights: z } = mesh;
          context.fillStyle = context.strokeStyle = shade((z[k] + z[right] + z[up] + z[across]) / 4);
          context.beginPath();
          context.moveTo(X[k], Y[k]);
          context.lineTo(X[right], Y[right]);
          context.lineTo(X[across], Y[across]);
          context.lineTo(X[up], Y[up]);
          context.closePath();
          context.fill();
          context.stroke(); // or the ground would shine through between cells
        }
      }
      context.lineWidth = 0.8;
      context.strokeStyle = "rgba(255, 255, 255, 0.5)";
      for (const [share, x1, y1, x2, y2] of of.lines[j * cellsAcross + i]) {
        path(at(x1, y1, share), at(x2, y2, share));
        context.stroke();
      }
    }
  }

  // Words and marks over it.
  const write = (text, [x, y], align, ink, size = TYPE) => {
    context.font = `${size}px ${style.fontFamily}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillStyle = ink;
    context.fillText(text, x, y);
  };
  const quiet = colour("--quiet") || style.color, out = (one) => (one ? 1.08 : -0.08);
  const said = (value) => String(value).replace("-", "\u2212");
  const { x, y } = data, unit = (values, value) => (value - values[0]) / (values[values.length - 1] - values[0]);
  for (const value of ticksOf(x[0], x[x.length - 1], 3)) write(said(value), at(unit(x, value), out(near[1]), bottom), "center", quiet);
  for (const value of ticksOf(y[0], y[y.length - 1], 3)) { // at the corner in front the other axis has its word
    if (Math.abs(unit(y, value) - near[1]) > 0.1) write(said(value), at(out(near[0]), unit(y, value), bottom), "center", quiet);
  }
  if (data.axes.length && width >= 280) {
    const name = (text, [left, top]) => write(text, [left, top + 20], left < width / 2 ? "right" : "left", quiet);
    name(data.axes[0], at(0.5, near[1] ? 1.12 : -0.12, bottom));
    name(data.axes[1], at(near[0] ? 1.12 : -0.12, 0.5, bottom));
  }
  const edges = [[far[0], near[1]], [near[0], far[1]]];
  const edge = at(...edges[0], 0)[0] < at(...edges[1], 0)[0] ? edges[0] : edges[1];
  heights.forEach((value, k) => {
    const [left, top] = at(...edge, shareOf(value));
    write(`${said(value)}${k === heights.length - 1 ? ` ${UNITS[quantity]}` : ""}`, [left - 5, top], "right", quiet);
  });
  const place = (one) => at(unit(x, one.x), unit(y, one.y), Math.min(1, Math.max(0, shareOf(one[quantity]))));
  const stamp = (text, where, ink, size) => {
    context.font = `${size}px ${style.fontFamily}`;
    [context.textAlign, context.textBaseline, context.lineWidth, context.strokeStyle] = ["center", "middle", 4, "#ffffff"];
    context.strokeText(text, ...where);
    write(text, where, "center", ink, size);
  };
  for (const one of data.markers) stamp(one.marker, place(one), colour(one.ink) || style.color, 17);
  if (state.mark) stamp("✕", place(state.mark), MARK, 15);
  if (state.pointed) {
    const [left, top] = place(state.pointed), value = state.pointed[quantity];
    const text = `${value.toFixed(quantity === "loss" ? 3 : 1)} ${UNITS[quantity]}`;
    context.font = `${TYPE}px ${style.fontFamily}`;
    const wide = context.measureText(text).width + 12, start = Math.min(Math.max(left - wide / 2, 2), width - wide - 2);
    context.fillStyle = "#ffffff";
    context.strokeStyle = MARK;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(start, Math.max(top - 32, 2), wide, 21, 5);
    context.fill();
    context.stroke();
    write(text, [start + wide / 2, Math.max(top - 32, 2) + 11], "center", "#172033");
    stamp("•", [left, top], MARK, 15);
  }
  element.dataset.drawn = quantity;
};

const redraw = () => {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => surfaces().forEach(draw));
};
const coarseFirst = () => {
  resting = false;
  clearTimeout(restTimer);
  restTimer = setTimeout(() => {
    resting = true;
    redraw();
  }, REST_MS);
  redraw();
};
const turnTo = (turn, tilt) => {
  view.turn = turn;
  view.tilt = Math.min(Math.max(tilt, 0.09), 1.4);
  coarseFirst();
};

// The point of the grid that is nearest to a place on the canvas, of several the one in front.
const pointAt = (element, px, py) => {
  const { canvas, data, solids } = states.get(element), { dataset: { quantity } } = element, of = solids[quantity];
  if (!of) return null;
  const [mesh] = of.meshes, seen = projection(canvas.clientWidth, canvas.clientHeight), [ca, sa] = seen.towards;
  let best = null;
  for (let j = 0; j < data.y.length; j++) {
    for (let i = 0; i < data.x.length; i++) {
      const [x, y] = seen.of(mesh.across[i], mesh.along[j], mesh.heights[j * mesh.columns + i]), gap = Math.hypot(x - px, y - py);
      if (gap > NEAR) continue;
      const rank = gap - 40 * (ca * mesh.across[i] + sa * mesh.along[j]); // in front counts for some pixels
      if (!best || rank < best.rank) best = { rank, i, j };
    }
  }
  return best && { x: data.x[best.i], y: data.y[best.j], loss: data.loss[best.j][best.i], accuracy: data.accuracy[best.j][best.i] };
};

const nearest = (values, wanted) =>
  values.reduce((best, value, place) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? place : best), 0);
const readings = (x, y) => surfaces().map((element) => {
  const { data } = states.get(element), [i, j] = [nearest(data.x, x), nearest(data.y, y)];
  return { element, name: data.name, x: data.x[i], y: data.y[j], loss: data.loss[j][i], accuracy: data.accuracy[j][i] };
});

const meet = (element, picked) => {
  const known = states.get(element);
  if (known?.text === element.dataset.surface) { // Gradio keeps the element and takes away what is in it
    if (known.canvas.parentElement !== element) element.replaceChildren(known.canvas);
    return;
  }
  const data = JSON.parse(element.dataset.surface), canvas = document.createElement("canvas");
  canvas.style.cssText = `display: block; width: 100%; height: ${data.height}px; touch-action: pan-y; cursor: grab`;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${data.name} as a surface. Arrow keys turn it; the table has its numbers.`);
  element.replaceChildren(canvas);
  states.set(element, { text: element.dataset.surface, data, canvas, solids: {}, mark: null, pointed: null });
  const placeOf = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect(), zoom = canvas.clientWidth / box.width;
    return [(clientX - box.left) * zoom, (clientY - box.top) * zoom];
  };
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = placeOf(event);
    from = { x, y, turn: view.turn, tilt: view.tilt, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = placeOf(event), state = states.get(element);
    if (from) {
      from.moved ||= Math.hypot(x - from.x, y - from.y) > 4;
      state.pointed = null;
      if (from.moved) turnTo(from.turn - (x - from.x) * 0.011, from.tilt + (y - from.y) * 0.008);
    } else if (event.pointerType === "mouse") {
      state.pointed = pointAt(element, x, y);
      redraw();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const point = from && !from.moved ? pointAt(element, ...placeOf(event)) : null;
    from = null;
    if (point) picked(point.x, point.y);
  });
  canvas.addEventListener("pointercancel", () => { from = null; });
  canvas.addEventListener("pointerleave", () => {
    states.get(element).pointed = null;
    redraw();
  });
  canvas.addEventListener("keydown", (event) => {
    const [turn, tilt] = { ArrowLeft: [0.12, 0], ArrowRight: [-0.12, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08] }[event.key] ?? [];
    if (turn === undefined) return;
    event.preventDefault();
    turnTo(view.turn + turn, view.tilt + tilt);
  });
  new ResizeObserver(redraw).observe(canvas);
};

// Surfaces come and go with every choice. `picked` is told which point was clicked.
const keepSurfaces = (picked) => {
  const look = () => {
    document.querySelectorAll(".landscape-planes .surface[data-surface]").forEach((one) => meet(one, picked));
    for (const one of states.keys()) if (!one.isConnected) states.delete(one);
    coarseFirst();
  };
  const changed = new MutationObserver(look), watched = { childList: true, subtree: true, attributeFilter: ["data-surface", "data-quantity"] };
  document.querySelectorAll(".landscape-planes").forEach((one) => changed.observe(one, watched));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(redraw, 100));
  look();
};
