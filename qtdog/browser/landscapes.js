// Panels of which every choice says a part of the name, in `group`; a choice that changes nothing is hidden.
const keys = [...group.querySelectorAll("[data-key]")], looks = [...group.querySelectorAll("[data-look-part]")];
const panels = [...group.querySelectorAll(":scope > .panel")];
const valueOf = (one) => (one.type === "checkbox" ? String(one.checked) : one.value);
const fits = (panel, but = null) => keys.every((one) => {
  const wanted = panel.dataset[one.dataset.key];
  return one === but || !wanted || wanted === valueOf(one);
});
const [height, deep] = looks;
const boxes = [...group.querySelectorAll("[data-model]")], picked = group.querySelector("[data-address=landscape-models]");
const named = (text) => (text ?? "").split(",").filter(Boolean);

// Of the panel's models those that were picked, or else the usual ones: planes, lines, rows in their order.
const pick = (panel) => {
  const models = named(panel?.dataset.models), asked = named(picked.value).filter((name) => models.includes(name));
  const shown = asked.length ? asked : named(panel?.dataset.usual);
  picked.closest("fieldset").hidden = models.length < 2;
  for (const box of boxes) {
    box.closest("label").hidden = !models.includes(box.dataset.model);
    box.checked = shown.includes(box.dataset.model);
  }
  if (!models.length) return;
  const rows = panel.querySelector("table.numbers > tbody");
  for (const parts of [".landscape-planes > *", ".plot .legend > *", ".series"].map((name) => panel.querySelectorAll(name)).concat([rows.children])) {
    [...parts].forEach((one, at) => one.toggleAttribute("hidden", !shown.includes(models[at])));
  }
};

const show = () => {
  for (const panel of panels) panel.hidden = !fits(panel);
  for (const one of keys) {
    one.closest("label").hidden = !panels.some((panel) => fits(panel, one) && panel.dataset[one.dataset.key]);
  }
  const [shown] = panels.filter((panel) => !panel.hidden);
  group.querySelector(".none").hidden = Boolean(shown);
  pick(shown);
  const plots = [...(shown?.querySelectorAll("div.plot") ?? [])], surfaces = [...(shown?.querySelectorAll(".surface") ?? [])];
  height.closest("label").hidden = !plots.length;
  for (const surface of surfaces) {
    surface.hidden = !deep.checked;
    surface.nextElementSibling.hidden = deep.checked;
    surface.dataset.quantity = height.value;
  }
  for (const one of [deep.closest("label"), group.querySelector("#landscape-picked")]) one.hidden = !shown?.querySelector(".landscape-planes");
  settle(group);
  for (const plot of plots) {
    const was = plot.dataset.look;
    if (plot.querySelector(`script[data-look="${height.value}"]`)) plot.dataset.look = height.value;
    if (isDrawn(plot) && was !== plot.dataset.look) draw(plot);
  }
};
wake(group);
for (const one of [...keys, ...looks, picked]) one.addEventListener("input", show);
for (const box of boxes) {
  box.addEventListener("input", () => {
    picked.value = boxes.filter((one) => one.checked && !one.closest("label").hidden).map((one) => one.dataset.model).join();
    picked.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
show();
