// Any part of the page as a picture, as it stands there: its elements are copied with their computed
// styles into an SVG, which is drawn on a canvas.

const XHTML = "http://www.w3.org/1999/xhtml";
const MARGIN = 16; // px around it
const SHARPNESS = 2; // px of the picture for one of the page
const LEFT_OUT = ".figure-tools, .modebar, .hoverlayer, script, style, template";

/**
 * A PNG of an element.
 * @param {HTMLElement} element
 * @returns {Promise<Blob>}
 */
export async function pictureOf(element) {
  const { width, height } = element.getBoundingClientRect();
  const [wide, high] = [Math.ceil(width) + 2 * MARGIN, Math.ceil(height) + 2 * MARGIN];
  const frame = document.createElement("div");
  frame.setAttribute("xmlns", XHTML);
  frame.style.cssText = `padding: ${MARGIN}px; box-sizing: border-box; width: ${wide}px; color-scheme: ${getComputedStyle(document.documentElement).colorScheme}`;
  const copy = await styled(element);
  if (copy instanceof HTMLElement) copy.style.cssText += "; margin: 0; position: static; max-width: none;";
  frame.append(copy ?? "");
  const inside = new XMLSerializer().serializeToString(frame);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}"><foreignObject width="100%" height="100%">${inside}</foreignObject></svg>`;
  const image = await loaded(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`);
  const canvas = document.createElement("canvas");
  canvas.width = wide * SHARPNESS;
  canvas.height = high * SHARPNESS;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("There is no canvas.");
  context.fillStyle = ground(element);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(SHARPNESS, SHARPNESS);
  context.drawImage(image, 0, 0, wide, high);
  return new Promise((made, failed) =>
    canvas.toBlob((blob) => (blob ? made(blob) : failed(new Error("The picture is too large."))), "image/png"));
}

/** @param {Element} element @returns {string} the colour behind it */
function ground(element) {
  for (let one = /** @type {Element | null} */ (element); one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour && !/^(transparent|rgba\(.*, 0\))$/.test(colour)) return colour;
  }
  return "#ffffff";
}

/** @param {string} address @returns {Promise<HTMLImageElement>} */
async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/**
 * A copy of an element as it looks; null for what is not seen.
 * @param {Element} element
 * @returns {Promise<Element | null>}
 */
async function styled(element) {
  const look = getComputedStyle(element);
  if (look.display === "none" || element.matches(LEFT_OUT)) return null;
  const copy = await alike(element);
  copy.setAttribute("style", css(look));
  for (const name of ["id", "class", "onclick"]) copy.removeAttribute(name);
  if (copy.tagName !== element.tagName) return copy; // what it shows is in the picture already
  const before = written(element, "::before"), after = written(element, "::after");
  if (before) copy.append(before);
  for (const child of element.childNodes) {
    if (child instanceof Text) copy.append(child.cloneNode());
    else if (child instanceof Element) copy.append((await styled(child)) ?? "");
  }
  if (after) copy.append(after);
  return copy;
}

/** @param {Element} element @returns {Promise<Element>} the element itself, still empty, or an image of what it shows */
async function alike(element) {
  const plot = /** @type {any} */ (element);
  if (element.matches(".js-plotly-plot") && element.querySelector(".gl-container canvas, canvas.gl")) {
    const { clientWidth: width, clientHeight: height } = element;
    return picture(await plotly().toImage(plot, { format: "png", width, height, scale: SHARPNESS }));
  }
  if (element instanceof HTMLCanvasElement) return picture(element.toDataURL());
  if (element instanceof HTMLImageElement) return picture(await asData(element));
  const copy = /** @type {Element} */ (element.cloneNode(false));
  if (element instanceof HTMLInputElement) copy.setAttribute("value", element.value);
  return copy;
}

/** @returns {any} */
const plotly = () => /** @type {any} */ (window).Plotly;

/** @param {string} address @returns {HTMLImageElement} */
function picture(address) {
  const image = new Image();
  image.src = address;
  return image;
}

/** @param {HTMLImageElement} image @returns {Promise<string>} */
async function asData(image) {
  if (image.src.startsWith("data:")) return image.src;
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return canvas.toDataURL();
}

/** @param {CSSStyleDeclaration} look @returns {string} */
function css(look) {
  const all = [...look].map((name) => `${name}:${look.getPropertyValue(name)}`);
  // Heights are fixed here: what is a fraction of a pixel too high would wrap into another column.
  if (look.flexDirection === "column") all.push("flex-wrap:nowrap");
  return all.join(";");
}

/** @param {Element} element @param {string} which @returns {Element | null} text that a style sheet adds */
function written(element, which) {
  const look = getComputedStyle(element, which), text = /^"(.+)"$/.exec(look.content)?.[1];
  if (!text || element instanceof SVGElement) return null;
  const added = document.createElement("span");
  added.setAttribute("style", css(look));
  added.textContent = text;
  return added;
}
