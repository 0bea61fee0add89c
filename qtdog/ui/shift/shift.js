// The filmstrip's pictures are buttons, and arrow keys move the severity by whole steps.
const BY = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

element.addEventListener("click", (event) => {
  const frame = event.target.closest("[data-severity]");
  if (frame) trigger("select", { severity: Number(frame.dataset.severity) });
});
document.addEventListener("keydown", (event) => {
  const by = BY[event.key], slider = event.target;
  if (!by || slider.type !== "range" || !slider.closest("#shift-severity")) return;
  event.preventDefault();
  const next = by > 0 ? Math.floor(Number(slider.value)) + 1 : Math.ceil(Number(slider.value)) - 1;
  slider.value = String(Math.min(Number(slider.max), Math.max(Number(slider.min), next)));
  slider.dispatchEvent(new Event("input", { bubbles: true }));
});
