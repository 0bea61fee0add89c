() => {
  // The projector view, `?view=stage&stage=learn.1,landscape,weights`: what the list names fills the
  // window, one after the other. It shows what the page has, and hides the rest of it.
  const query = new URL(window.location.href).searchParams;
  if (query.get("view") !== "stage") return;

  // What of a tab is shown, and what else has to be chosen there.
  const views = {
    try: { tab: "try", figure: "#answers" },
    shift: { tab: "shift", figure: "#shift-now" },
    train: { tab: "train", figure: ".train-place" },
    results: { tab: "results", figure: "#plot-memory" },
    size: { tab: "results", figure: "#plot-size-paper" },
    bits: { tab: "results", figure: "#plot-bits-measured" },
    calibration: { tab: "results", figure: "#plot-calibration-nll" },
    training: { tab: "results", figure: "#plot-training" },
    landscape: { tab: "landscape", figure: "#landscape-planes", choice: '#landscape-kind input[value="plane"]' },
    flatness: { tab: "landscape", figure: "#landscape-numbers figure", choice: '#landscape-kind input[value="flatness"]' },
    way: { tab: "landscape", figure: "#landscape-way", choice: '#landscape-kind input[value="trajectories"]' },
    quantize: { tab: "quantize", figure: "#quantize-layer", choice: '#quantize-view input[value="grid"]' },
    network: { tab: "quantize", figure: "#quantize-network", choice: '#quantize-view input[value="grid"]' },
    weights: { tab: "quantize", figure: "#quantize-weights", choice: '#quantize-view input[value="weights"]' },
  };
  const steps = [1, 2, 3, 4, 5, 6, 7, 8];
  for (const step of steps)
    views[`learn.${step}`] = {
      tab: "learn",
      figure: `#learn-step-${step}`,
      choice: `#learn-steps input[value="${step}"]`,
    };

  const asked = (query.get("stage") ?? "").split(",").filter(Boolean);
  const unknown = asked.filter((name) => !Object.hasOwn(views, name));
  const known = asked.filter((name) => Object.hasOwn(views, name));
  const list = known.length ? known : steps.map((step) => `learn.${step}`);
  let place = Math.min(Math.max(Number.parseInt(query.get("place") ?? "1", 10) || 1, 1), list.length) - 1;
  let waiting = 0;

  const root = document.documentElement;
  root.classList.add("stage");
  const line = document.createElement("p");
  line.id = "stage-line";
  line.setAttribute("role", "status");
  const bar = document.createElement("div");
  bar.id = "stage-bar";
  const button = (text, name, click) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    if (name) made.setAttribute("aria-label", name);
    if (click) made.addEventListener("click", click);
    bar.append(made);
    return made;
  };
  // Copy as a picture, numbers, link: the page's own, of what is shown.
  for (const [what, text] of [["picture", "Copy picture"], ["csv", "CSV"], ["link", "Link"]])
    button(text).dataset.figure = what;
  button("‹", "Back", () => move(place - 1));
  button("›", "Next", () => move(place + 1));
  bar.prepend(line);
  document.body.append(bar);

  const find = (selector) => document.querySelector(selector);
  // Learn has a small copy of another tab's figure: the one that can be seen is meant.
  const seen = (selector) =>
    [...document.querySelectorAll(selector)].find((element) => element.checkVisibility());
  const everything = () => {
    root.classList.add("stage-waits");
    document.querySelectorAll("[data-stage]").forEach((element) => delete element.dataset.stage);
  };
  // As large as the window is wide, and smaller, to a point, where it would be too high.
  const size = () => {
    const figure = find('[data-stage="figure"]');
    let zoom = Math.min(Math.max(window.innerWidth / 1024, 1), 3);
    const set = () => root.style.setProperty("--stage-zoom", zoom);
    set();
    while (figure && zoom > 1.3 && figure.getBoundingClientRect().height > window.innerHeight - 60) {
      zoom -= 0.1;
      set();
    }
  };
  window.addEventListener("resize", size);
  const alone = (figure) => {
    root.classList.remove("stage-waits");
    figure.dataset.stage = "figure";
    for (let around = figure.parentElement; around && around !== document.body; around = around.parentElement)
      around.dataset.stage = "around";
    window.scrollTo(0, 0);
    window.dispatchEvent(new Event("resize")); // plots take the room that there is
  };
  const say = () => {
    const left = unknown.length ? ` · not known and left out: ${unknown.join(", ").slice(0, 60)}` : "";
    line.textContent = `${place + 1} of ${list.length}${left}`;
  };
  const show = () => {
    clearInterval(waiting);
    everything();
    const view = views[list[place]];
    find(`#tabs button[role="tab"][data-tab-id="${view.tab}"]`)?.click();
    const look = () => {
      const choice = view.choice ? find(view.choice) : null;
      if (view.choice && !choice) return;
      if (choice && !choice.checked) return choice.click();
      const figure = seen(view.figure);
      if (!figure) return;
      clearInterval(waiting);
      alone(figure);
    };
    waiting = setInterval(look, 100); // a tab is laid out when it is opened
    look();
    say();
    const address = new URL(window.location.href);
    address.searchParams.set("place", place + 1);
    window.history.replaceState(window.history.state, "", address);
    window.qtdogQuery = address.search;
  };
  const move = (to) => {
    const next = Math.min(Math.max(to, 0), list.length - 1);
    if (next === place) return;
    place = next;
    show();
  };

  // A remote sends the keys of pages. Arrows and the space bar belong to the field that has the focus.
  const keys = {
    PageDown: () => move(place + 1),
    PageUp: () => move(place - 1),
    ArrowRight: () => move(place + 1),
    ArrowLeft: () => move(place - 1),
    " ": () => move(place + 1),
    Home: () => move(0),
    End: () => move(list.length - 1),
    Escape: () => {
      const address = new URL(window.location.href);
      ["view", "stage", "place"].forEach((name) => address.searchParams.delete(name));
      window.location.assign(address);
    },
  };
  document.addEventListener("keydown", (event) => {
    const own = event.target.closest("input, textarea, select, button, summary, a, [role], [contenteditable]");
    const always = ["PageDown", "PageUp", "Escape"].includes(event.key);
    if (!Object.hasOwn(keys, event.key) || event.altKey || event.ctrlKey || event.metaKey || (own && !always)) return;
    event.preventDefault();
    keys[event.key]();
  });
  show();
}
