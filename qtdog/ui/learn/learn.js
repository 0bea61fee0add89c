const COUNT = 8;
function showLearnStep(step, focus) {
    document.documentElement.dataset.learnStep = step;
    const back = document.querySelector("#learn-back");
    const on = document.querySelector("#learn-on");
    if (back) back.disabled = Number(step) <= 1;
    if (on) on.disabled = Number(step) >= COUNT;
    if (!focus) return;
    const title = document.querySelector(`#learn-step-${step} .step-title`);
    title?.focus({ preventScroll: true });
    document.querySelector("#learn-steps")?.scrollIntoView({ block: "start" });
}
function moveLearnStep(step, by) {
    const next = String(Math.min(COUNT, Math.max(1, Number(step) + by)));
    showLearnStep(next, true);
    return next;
}
