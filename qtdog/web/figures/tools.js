// What goes with every figure: copy it as a picture, save its numbers, copy a link to it.

import { csvOf } from "./numbers.js";
import { pictureOf } from "./picture.js";

const FIGURE = "figure, .figure";
const SAID_MS = 2500;
const PATIENCE_MS = 20_000; // until a part that a link names is there

/** @type {Record<string, (figure: HTMLElement) => Promise<string>>} */
const DOES = { picture: copyPicture, csv: saveNumbers, link: copyLink };

/** Listen to the buttons, show them, and go to the figure that the address names. */
export function begin() {
  document.documentElement.classList.add("has-figure-tools");
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("[data-figure]"));
    if (button) act(button);
  });
  const named = decodeURIComponent(location.hash.slice(1));
  if (named) arrive(named, Date.now() + PATIENCE_MS);
}

/** The buttons, for a figure that a script makes. @returns {HTMLElement} */
export function tools() {
  const row = document.createElement("div");
  row.className = "figure-tools";
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "This figure");
  for (const [what, words] of [["picture", "Copy picture"], ["csv", "CSV"], ["link", "Link"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.figure = what;
    button.textContent = words;
    row.append(button);
  }
  return row;
}

/** @param {HTMLElement} button */
async function act(button) {
  const name = button.dataset.figure ?? "", words = button.textContent;
  const figure = /** @type {HTMLElement | null} */ (
    button.closest(".figure-tools")?.parentElement?.closest(FIGURE) ?? document.querySelector('[data-stage="figure"]'));
  const said = figure ? await DOES[name](figure).catch(() => "This did not work") : "There is no figure";
  if (button.dataset.said) return;
  button.dataset.said = "yes";
  button.textContent = said;
  setTimeout(() => {
    button.textContent = words;
    delete button.dataset.said;
  }, SAID_MS);
}

/** @param {HTMLElement} figure @returns {Promise<string>} */
async function copyPicture(figure) {
  const made = pictureOf(figure);
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": made })]);
    return "Copied";
  } catch { // no clipboard for this page, or none for pictures
    save(await made, `${nameOf(figure)}.png`);
    return "Saved as a file";
  }
}

/** @param {HTMLElement} figure @returns {Promise<string>} */
async function saveNumbers(figure) {
  const text = csvOf(figure);
  if (!text) return "It has no numbers";
  save(new Blob([text], { type: "text/csv;charset=utf-8" }), `${nameOf(figure)}.csv`);
  return "Saved";
}

/** @param {HTMLElement} figure @returns {Promise<string>} */
async function copyLink(figure) {
  const address = new URL(location.href);
  if (!figure.dataset.stage) address.hash = placeOf(figure)?.id ?? "";
  try {
    await navigator.clipboard.writeText(address.href);
    return "Link copied";
  } catch {
    location.hash = address.hash;
    return "It is in the address bar";
  }
}

/** @param {Blob} content @param {string} name */
function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {HTMLElement} figure @returns {HTMLElement | null} what has a name that stays, in it or around it */
function placeOf(figure) {
  const named = '[id]:not([id=""], [id^="component-"], [id^="html-"], svg *)';
  return figure.matches(named) ? figure : figure.querySelector('[id^="plot-"], .landscape-planes') ?? figure.closest(named);
}

/** @param {HTMLElement} figure @returns {string} */
const nameOf = (figure) => `qtdog-${placeOf(figure)?.id ?? "figure"}`;

/** @param {string} id @param {number} until */
function arrive(id, until) {
  const place = document.getElementById(id);
  if (!place?.checkVisibility()) {
    if (Date.now() < until) setTimeout(arrive, 200, id, until);
    return;
  }
  (place.closest(FIGURE) ?? place).scrollIntoView({ block: "start" });
  const address = new URL(location.href);
  address.hash = "";
  history.replaceState(history.state, "", address);
}
