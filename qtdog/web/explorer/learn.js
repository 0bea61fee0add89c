// Learn: one step of eight at a time, and live parts whose states are all there.

/**
 * @param {HTMLElement} panel
 * @param {(step: string) => void} changed
 */
export function wireLearn(panel, changed) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...panel.querySelectorAll("[data-step]")]);
  const show = (/** @type {number} */ step, focus = true) => {
    const shown = Math.min(buttons.length, Math.max(1, step));
    document.documentElement.dataset.learnStep = String(shown);
    buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(i + 1 === shown)));
    changed(String(shown));
    const title = /** @type {HTMLElement | null} */ (panel.querySelector(`#learn-step-${shown} .step-title`));
    if (focus) title?.focus();
  };
  const now = () => Number(document.documentElement.dataset.learnStep ?? 1);
  buttons.forEach((one, i) => one.addEventListener("click", () => show(i + 1)));
  panel.querySelector("#learn-back")?.addEventListener("click", () => show(now() - 1));
  panel.querySelector("#learn-on")?.addEventListener("click", () => show(now() + 1));
  show(Number(new URL(location.href).searchParams.get("step") ?? 1) || 1, false);
  panel.querySelectorAll(".variants").forEach(wireVariants);
}

/** @param {Element} part of which one state is shown, by a list or a slider */
function wireVariants(part) {
  const states = /** @type {HTMLElement[]} */ ([...part.querySelectorAll(".variant")]);
  const control = /** @type {any} */ (part.querySelector("select, input"));
  control.addEventListener("input", () => {
    const place = control.selectedIndex
      ?? Math.round((Number(control.value) - Number(control.min)) / Number(control.step));
    states.forEach((state, i) => { state.hidden = i !== place; });
    const output = part.querySelector("output");
    if (output) output.textContent = control.value;
  });
}
