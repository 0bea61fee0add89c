// The address holds the page's state, and the browser's Back goes through what a visitor chose.
(config, values) => {
    const { tabs, former, parameters, domain } = config;
    const names = parameters.map((one) => one.name);
    const here = () => new URL(window.location.href);
    let touched = false;  // by the visitor, since the address was last written
    let going = 0;  // so many steps back or forth of which the fields do not tell yet

    const write = (address, further) => {
        if (address.search !== window.location.search) {
            window.history[further ? "pushState" : "replaceState"](window.history.state, "", address);
            touched = false;
        }
        window.qtdogQuery = address.search;
    };

    // What a visitor chooses is a place to come back to; what follows from it, and the rest of a
    // slider's way, is not.
    for (const kind of ["pointerdown", "keydown"]) {
        document.addEventListener(kind, (event) => {
            if (event.isTrusted && !event.repeat) touched = true;
        }, true);
    }

    // Of fields, what is not usual; what is, may depend on the held-out domain.
    const sync = (said) => {
        if (going) return;
        const address = here(), held = said[domain];
        parameters.forEach(({ name, usual }, place) => {
            const text = String(said[place] ?? "");
            if (text === (usual[held] ?? usual[""])) address.searchParams.delete(name);
            else address.searchParams.set(name, text);
        });
        write(address, touched);
    };

    const tabOf = (address) => address.searchParams.get("tab") ?? shown[0] ?? tabs[0];
    const openTab = (tab) => {
        const address = here();
        if (tab === tabs[0]) address.searchParams.delete("tab");
        else address.searchParams.set("tab", tab);
        write(address, tab !== window.qtdogTab);
        window.qtdogTab = tab;
    };

    // What is no field's, such as a table's order, stays as it is.
    const goneTo = () => {
        const address = here(), before = new URLSearchParams(window.qtdogQuery);
        for (const name of new Set([...before.keys(), ...address.searchParams.keys()])) {
            if (name === "tab" || names.includes(name)) continue;
            const text = before.get(name);
            if (text === null) address.searchParams.delete(name);
            else address.searchParams.set(name, text);
        }
        const changed = names.some((name) => before.get(name) !== address.searchParams.get(name));
        write(address, false);
        if (changed) {
            going += 1;
            document.querySelector("#address-go").click();
        }
        if (tabOf(address) !== window.qtdogTab) {
            window.qtdogTab = tabOf(address);
            document.querySelector(`#tabs button[role="tab"][data-tab-id="${window.qtdogTab}"]`)?.click();
        }
    };

    const address = here();
    const named = (name) => (address.searchParams.get(name) ?? "").split(",").filter(Boolean);
    for (const name of ["tab", "tabs"]) {
        if (!named(name).every((tab) => tabs.includes(tab))) address.searchParams.delete(name);
    }
    for (const name of former) address.searchParams.delete(name);
    const shown = named("tabs");
    if (shown.length) {  // Gradio cannot hide a tab that was never open: a style sheet does
        const sheet = document.createElement("style");
        sheet.textContent = tabs.filter((tab) => !shown.includes(tab)).map(
            (tab) => `#tabs [data-tab-id="${tab}"] { display: none !important; }`
        ).join(" ");
        document.head.append(sheet);
    }
    write(address, false);
    sync(values);
    window.qtdogTab = tabOf(here());
    window.qtdogAddress = { sync, openTab, went: () => { going -= 1; } };
    window.qtdogAddressIsRead = true;
    window.addEventListener("popstate", goneTo);
}
