// Panels of which every choice says a part of the name, in `group`; a choice that changes nothing is hidden.
const keys = [...group.querySelectorAll("[data-key]")], looks = [...group.querySelectorAll("[data-look-part]")];
const panels = [...group.querySelectorAll(":scope > .panel")];
const valueOf = (one) => (one.type === "checkbox" ? String(one.checked) : one.value);
const fits = (panel, but = null) => keys.every((one) => {
  const wanted = panel.dataset[one.dataset.key];
  return one === but || !wanted || wanted === valueOf(one);
});
const [height, deep] = looks;

const show = () => {
  for (const panel of panels) panel.hidden = !fits(panel);
  for (const one of keys) {
    one.closest("label").hidden = !panels.some((panel) => fits(panel, one) && panel.dataset[one.dataset.key]);
  }
  const [shown] = panels.filter((panel) => !panel.hidden);
  group.querySelector(".none").hidden = Boolean(shown);
  const plots = [...(shown?.querySelectorAll("div.plot") ?? [])];
  height.closest("label").hidden = !plots.length;
  for (const one of [deep.closest("label"), group.querySelector("#landscape-picked")]) one.hidden = !shown?.querySelector(".landscape-planes");
  settle(group);
  for (const plot of plots) {
    const was = plot.dataset.look, names = [`${height.value} ${deep.checked ? "deep" : "flat"}`, height.value];
    const look = names.find((name) => plot.querySelector(`script[data-look="${name}"]`));
    plot.dataset.look = look;
    if (isDrawn(plot) && was !== look) draw(plot);
  }
};
wake(group);
for (const one of [...keys, ...looks]) one.addEventListener("input", show);
show();
