() => {
    // Arrow keys go through the tabs and through the samples, which Gradio makes single stops.
    const BY = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };
    const among = (all, one, by) => all[Math.min(all.length - 1, Math.max(0, all.indexOf(one) + by))];
    const top = (one) => Math.round(one.getBoundingClientRect().top);
    const perRow = (all) => all.filter((one) => top(one) === top(all[0])).length;
    document.addEventListener("keydown", (event) => {
        const by = BY[event.key];
        const tab = event.target.closest?.('[role="tab"]');
        const sample = event.target.closest?.("#samples button.thumbnail-item");
        if (!by || !(tab || sample)) return;
        event.preventDefault();
        if (tab) {
            const tabs = [...tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')];
            const next = among(tabs.filter((one) => one.checkVisibility()), tab, by);
            next.click();
            next.focus();
            return;
        }
        const all = [...document.querySelectorAll("#samples button.thumbnail-item")];
        const step = event.key === "ArrowDown" || event.key === "ArrowUp" ? perRow(all) : 1;
        among(all, sample, by * step).focus();
    });

    // A plot that is drawn before its tab is seen takes a width of its own: it is shown once it has that of its place.
    const places = new ResizeObserver((entries) => {
        for (const { target: plot } of entries) {
            const { width } = plot._fullLayout ?? {}, seen = () => { plot.style.visibility = ""; };
            if (!plot.clientWidth) continue;
            if (!width || Math.abs(width - plot.clientWidth) <= 8) seen();
            else Promise.resolve(window.Plotly.Plots.resize(plot)).then(seen, seen);
        }
    });
    new MutationObserver((changes) => {
        for (const { target: plot, addedNodes } of changes) {
            if (![...addedNodes].some((one) => one.classList?.contains("plot-container"))) continue;
            plot.style.visibility = "hidden";
            places.observe(plot);
        }
    }).observe(document.body, { childList: true, subtree: true });

    // A phone folds choices away.
    document.addEventListener("click", (event) => {
        const button = event.target.closest?.(".fold-button");
        if (button) button.setAttribute("aria-expanded", button.closest(".folds").classList.toggle("open"));
    });

    // A button that goes to another part of the page: a tab is opened, a field pressed where it has to be.
    const open = (tab, field) => {
        if (tab) document.querySelector(`#tabs button[role="tab"][data-tab-id="${tab}"]`)?.click();
        const there = field && document.querySelector(field);
        if (there && !there.checked) there.click();
    };
    document.addEventListener("click", async (event) => {
        const button = event.target.closest?.("[data-shows]");
        if (!button) return;
        open(button.dataset.at, button.dataset.presses);
        (await shown(button.dataset.shows))?.scrollIntoView({ block: button.dataset.presses ? "center" : "start" });
    });

    // What the sample is called that is pointed at, or else chosen.
    const nameSample = (event) => {
        const samples = document.querySelector("#samples"), all = "#samples button.thumbnail-item";
        const one = event.target.closest?.(all) ?? document.querySelector(`${all}.selected`);
        if (samples) samples.dataset.name = one?.title ?? "";
    };
    for (const name of ["pointerover", "focusin", "click"]) document.addEventListener(name, nameSample);

    // "Show me in a minute": five controls, one after the other. It never begins by itself.
    const STOPS = [
        ["try", "#samples", "Choose a picture, or give your own: three models that never saw its kind say what it is."],
        ["shift", "#shift-severity", "Move this: the picture leaves what the models know. Which one gives up first?"],
        ["results", "#memory-megabytes", "So much memory, and no more: what was best within it, measured?"],
        ["landscape", "#landscape-planes", "Turn one and all turn; click a point to read it in all. Whose valley is the flattest?", '#landscape-kind input[value="plane"]'],
        ["quantize", "#quantize-bits", "So few bits a weight: what does rounding after training leave of a network?", '#quantize-view input[value="grid"]'],
    ];
    let place = -1, panel = null;
    const shown = (selector) => new Promise((found) => {
        const look = (left) => {
            const element = document.querySelector(selector);
            if (element?.checkVisibility() || left === 0) found(element);
            else setTimeout(look, 100, left - 1);
        };
        look(100);
    });
    const part = (name, text, click) => {
        const element = document.createElement(name);
        element.textContent = text;
        if (click) element.addEventListener("click", click);
        return element;
    };
    const unmark = () => document.querySelectorAll(".show-me-here").forEach((one) => one.classList.remove("show-me-here"));
    const end = () => {
        unmark();
        panel?.remove();
        panel = null;
        document.querySelector("#show-me")?.focus();
    };
    const go = async (next) => {
        place = next;
        if (place >= STOPS.length) return end();
        const [tab, selector, text, choice] = STOPS[place];
        open(tab, choice);
        unmark();
        say(text);
        const control = await shown(selector);
        if (!panel || place !== next) return;
        control?.classList.add("show-me-here");
        const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
        control?.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
    };
    const say = (text) => {
        const last = place === STOPS.length - 1;
        const on = part("button", last ? "Done" : "Next", () => go(place + 1));
        const words = part("p", `${place + 1} of ${STOPS.length}: ${text}`);
        words.setAttribute("role", "status");
        panel.replaceChildren(words, on, ...(last ? [] : [part("button", "Skip", end)]));
        on.focus({ preventScroll: true });
    };
    document.addEventListener("click", (event) => {
        if (!event.target.closest?.("#show-me") || panel) return;
        panel = document.createElement("div");
        panel.id = "show-me-panel";
        panel.setAttribute("role", "dialog");
        panel.setAttribute("aria-label", "Show me in a minute");
        document.querySelector(".gradio-container").append(panel);
        go(0);
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && panel) end();
    });
}
