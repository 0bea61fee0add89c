/** A canvas as sharp as the display, in the page's colours. */

/** @typedef {{ context: CanvasRenderingContext2D, width: number, height: number }} Surface in CSS pixels */
/**
 * @typedef {object} Colours
 * @property {string} ink @property {string} quiet @property {string} line @property {string} panel
 * @property {string} full of full precision
 * @property {string} other of what is compared with it
 * @property {string} ensemble
 */

const OF_ARM = /** @type {Record<string, string>} */ ({
  "full-precision": "erm", averaged: "erm-averaged", "qt-dog": "qt-dog", noise: "erm-ensemble",
  frozen: "freeze", rounded: "post-training", ensemble: "eoq",
});

/** The name of the style sheet's variable with an arm's colour. */
export function variableOf(/** @type {string} */ arm) {
  return `--${OF_ARM[arm]}`;
}

/** As the style sheet says now, light or dark. @param {Element} element  @param {string} arm @returns {Colours} */
export function coloursOf(element, arm) {
  const style = getComputedStyle(element);
  const value = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    ink: style.color, quiet: value("--quiet"), line: value("--line"), panel: value("--panel"),
    full: value("--erm"), other: value(variableOf(arm)), ensemble: value("--eoq"),
  };
}

/** Unseen, as large and sharp as `canvas`: for what is drawn once and shown often. */
export function twinOf(/** @type {HTMLCanvasElement} */ canvas) {
  const twin = document.createElement("canvas"), ratio = canvas.width / canvas.clientWidth;
  [twin.width, twin.height] = [canvas.width, canvas.height];
  const context = /** @type {CanvasRenderingContext2D} */ (twin.getContext("2d"));
  context.scale(ratio, ratio);
  return context;
}

/** A colour over another one, `share` of it. @param {CanvasRenderingContext2D} context */
export function mixed(context, /** @type {string} */ colour, /** @type {string} */ below, /** @type {number} */ share) {
  const parts = [colour, below].map((one) => {
    context.fillStyle = one; // reads every way to write a colour, and says "#rrggbb"
    return [1, 3, 5].map((at) => parseInt(String(context.fillStyle).slice(at, at + 2), 16));
  });
  return `rgb(${parts[0].map((one, i) => Math.round(share * one + (1 - share) * parts[1][i])).join()})`;
}

/** The canvas emptied, to be drawn on in CSS pixels. @returns {Surface | null} null: it has no place */
export function cleared(/** @type {HTMLCanvasElement} */ canvas) {
  const { clientWidth: width, clientHeight: height } = canvas, ratio = Math.min(devicePixelRatio || 1, 2);
  const context = canvas.getContext("2d");
  if (!width || !height || !context) return null;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

let family = ""; // the page's, which does not change

/** A text in the page's type. @param {CanvasRenderingContext2D} context */
export function write(context, /** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ colour, /** @type {CanvasTextAlign} */ align = "left", size = 11) {
  family ||= getComputedStyle(context.canvas).fontFamily;
  context.font = `${size}px ${family}`;
  context.fillStyle = colour;
  context.textAlign = align;
  context.fillText(text, x, y);
}
