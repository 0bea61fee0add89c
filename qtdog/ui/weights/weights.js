// A click on a layer of the figure or of the table becomes a "select" event.
element.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-layer]");
  if (chosen && typeof trigger === "function") trigger("select", { layer: chosen.dataset.layer });
});
