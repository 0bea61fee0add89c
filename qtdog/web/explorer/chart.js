// Small charts as SVG, as the page with a server draws them: its sizes, its classes, its colours.

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 480, LEFT = 76, RIGHT = 12, TOP = 10, BOTTOM = 46;
const ABOUT_TICKS = 5;

/** @typedef {{low: number, high: number, label: string, ticks?: [number, string][]}} Axis ticks: by default round numbers */
/** @typedef {[number, number]} Point */

const DASHES = /** @type {Record<string, string>} */ ({ dashed: "7 5", dotted: "2 4" });

export class Chart {
  /**
   * @param {Axis} x
   * @param {Axis} y
   * @param {string} description for those who cannot see it
   * @param {number} height
   */
  constructor(x, y, description, height = 250) {
    this.x = x;
    this.y = y;
    this.height = height;
    this.svg = part("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": description });
    this.drawAxes();
  }

  /**
   * A bar for each pair of neighbouring edges; its numbers appear under the mouse.
   * @param {ArrayLike<number>} edges
   * @param {ArrayLike<number>} heights
   * @param {string} ink a CSS colour
   */
  bars(edges, heights, ink) {
    for (let i = 0; i < heights.length; i += 1) {
      if (!heights[i]) continue;
      const title = `${shortly(edges[i])} to ${shortly(edges[i + 1])}: ${shortly(heights[i])}`;
      const width = this.across(edges[i + 1]) - this.across(edges[i]);
      this.box([edges[i], edges[i + 1]], [this.y.low, heights[i]], ink, title, { width: Math.max(width - 0.4, 0.6) });
    }
  }

  /**
   * A rectangle, named under the mouse.
   * @param {Point} x from, to
   * @param {Point} y
   * @param {string} ink
   * @param {string} title
   * @param {Record<string, string | number>} look further attributes
   */
  box(x, y, ink, title, look = {}) {
    const left = this.across(x[0]), top = this.down(y[1]);
    const bar = part("rect", { x: left, y: top, width: this.across(x[1]) - left, height: this.down(y[0]) - top, fill: ink, ...look });
    bar.append(part("title", {}, title));
    this.svg.append(bar);
  }

  /** Through the points, in order. @param {Point[]} points @param {string} ink @param {string} style "dashed", "dotted" or "" @param {number} width */
  line(points, ink, style = "", width = 2.2) {
    const path = points.map(([x, y]) => `${this.across(x).toFixed(1)},${this.down(y).toFixed(1)}`).join(" ");
    const look = { stroke: ink, "stroke-width": width, "stroke-dasharray": DASHES[style] ?? "", "stroke-linejoin": "round" };
    this.svg.append(part("polyline", { points: path, fill: "none", ...look }));
  }

  /** A character at each point, named under the mouse. @param {Point[]} points @param {string} ink @param {string} marker */
  markers(points, ink, marker) {
    for (const [x, y] of points) {
      const text = part("text", { class: "marker", x: this.across(x), y: this.down(y) + 5, fill: ink }, marker);
      text.append(part("title", {}, `${shortly(x)}: ${shortly(y)}`));
      this.svg.append(text);
    }
  }

  /** A small disc at each point. @param {Point[]} points @param {string} ink @param {number} opacity */
  dots(points, ink, opacity) {
    const group = part("g", { fill: ink, "fill-opacity": opacity });
    group.append(...points.map(([x, y]) => part("circle", { cx: this.across(x), cy: this.down(y), r: 2.4 })));
    this.svg.append(group);
  }

  /** Lines from bottom to top; those outside are left out. @param {number[]} places @param {string} ink @param {number} width */
  verticals(places, ink, width) {
    const inside = places.filter((one) => one >= this.x.low && one <= this.x.high);
    const d = inside.map((one) => `M${this.across(one).toFixed(1)} ${TOP}V${this.height - BOTTOM}`).join("");
    this.svg.append(part("path", { d, stroke: ink, "stroke-width": width }));
  }

  /** A shaded stretch, cut at the ends. @param {number} from @param {number} to @param {string} ink */
  band(from, to, ink) {
    const low = Math.max(from, this.x.low), high = Math.min(to, this.x.high);
    if (low >= high) return;
    const x = this.across(low);
    this.svg.append(part("rect", { x, y: TOP, fill: ink, width: this.across(high) - x, height: this.height - BOTTOM - TOP }));
  }

  drawAxes() {
    const bottom = this.height - BOTTOM, middle = (TOP + bottom) / 2;
    this.svg.append(part("path", { class: "axis", d: `M${LEFT} ${bottom}H${WIDTH - RIGHT}` }));
    for (const [tick, words] of this.x.ticks ?? roundTicks(this.x)) {
      this.svg.append(part("text", { class: "tick", x: this.across(tick), y: bottom + 17, "text-anchor": "middle" }, words));
    }
    for (const [tick, words] of this.y.ticks ?? roundTicks(this.y)) {
      const y = this.down(tick);
      this.svg.append(
        part("path", { class: "rule", d: `M${LEFT} ${y.toFixed(1)}H${WIDTH - RIGHT}` }),
        part("text", { class: "tick", x: LEFT - 7, y: y + 4.5, "text-anchor": "end" }, words),
      );
    }
    this.svg.append(
      part("text", { class: "label", x: (LEFT + WIDTH - RIGHT) / 2, y: this.height - 8, "text-anchor": "middle" }, this.x.label),
      part("text", { class: "label", transform: `translate(14 ${middle}) rotate(-90)`, "text-anchor": "middle" }, this.y.label),
    );
  }

  /** @param {number} value */
  across(value) {
    return LEFT + ((value - this.x.low) / (this.x.high - this.x.low)) * (WIDTH - LEFT - RIGHT);
  }

  /** @param {number} value */
  down(value) {
    return this.height - BOTTOM - ((value - this.y.low) / (this.y.high - this.y.low)) * (this.height - BOTTOM - TOP);
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} text
 * @returns {SVGElement}
 */
function part(tag, attributes, text = "") {
  const made = /** @type {SVGElement} */ (document.createElementNS(NAMESPACE, tag));
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, typeof value === "number" ? String(Number(value.toFixed(2))) : value);
  }
  made.textContent = text;
  return made;
}

/** @param {Axis} axis @returns {[number, string][]} some multiples of 1, 2 or 5 times a power of ten */
function roundTicks({ low, high }) {
  const rough = (high - low) / ABOUT_TICKS, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => power * factor >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => [(first + i) * step, shortly((first + i) * step)]);
}

/** @param {number} value @returns {string} three digits that matter; never "-0" */
export function shortly(value) {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value || 0).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
