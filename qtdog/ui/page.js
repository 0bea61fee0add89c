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

    // A plot that is drawn before its tab is seen takes a width of its own: then that of its place.
    const places = new ResizeObserver((entries) => {
        for (const { target: plot } of entries) {
            const { width } = plot._fullLayout ?? {};
            if (width && plot.clientWidth && Math.abs(width - plot.clientWidth) > 8) window.Plotly.Plots.resize(plot);
        }
    });
    new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
            if ([...addedNodes].some((one) => one.classList?.contains("plot-container"))) places.observe(target);
        }
    }).observe(document.body, { childList: true, subtree: true });

    // A phone folds choices away.
    document.addEventListener("click", (event) => {
        const button = event.target.closest?.(".fold-button");
        if (button) button.setAttribute("aria-expanded", button.closest(".folds").classList.toggle("open"));
    });

    // A button that presses a field elsewhere, and goes to what that shows.
    document.addEventListener("click", async (event) => {
        const button = event.target.closest?.("[data-presses]");
        const field = button && document.querySelector(button.dataset.presses);
        if (!field) return;
        if (!field.checked) field.click();
        (await shown(button.dataset.shows))?.scrollIntoView({ block: "center" });
    });

    // "Show me in a minute": five controls, one after the other. It never begins by itself.
    const STOPS = [
        ["try", "#samples", "Choose a picture, or give your own: three models that never saw its kind say what it is."],
        ["shift", "#shift-severity", "Move this: the picture leaves what the models know. Which one gives up first?"],
        ["results", "#memory-megabytes", "So much memory, and no more: what was best within it, measured?"],
        ["landscape", "#landscape-planes", "Turn one and all turn; click a point to read it in all. Whose valley is the flattest?"],
        ["quantize", "#quantize-bits", "So few bits a weight: what does rounding after training leave of a network?"],
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
        const [tab, selector, text] = STOPS[place];
        document.querySelector(`#tabs button[role="tab"][data-tab-id="${tab}"]`)?.click();
        unmark();
        const control = await shown(selector);
        if (!panel || place !== next) return;
        control?.classList.add("show-me-here");
        const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
        control?.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
        const last = place === STOPS.length - 1;
        const on = part("button", last ? "Done" : "Next", () => go(next + 1));
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
