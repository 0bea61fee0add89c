const COUNT = 8;
function showLearnStep(step, focus) {
    document.documentElement.dataset.learnStep = step;
    window.dispatchEvent(new Event("resize"));  // a figure that was hidden takes its place's width
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
// Answers stay in this browser; a step whose question was answered rightly is ticked.
function keepLearnAnswers(turns = 100) {
    // The questions come after the tab that they are on.
    if (document.querySelectorAll("fieldset.quiz").length < COUNT && turns) {
        setTimeout(keepLearnAnswers, 100, turns - 1);
        return;
    }
    const KEY = "qtdog-learn-answers";
    const quizzes = [...document.querySelectorAll("fieldset.quiz")];
    const place = (quiz) => Number(quiz.id.split("-")[1]);
    const tick = (quiz) => document.querySelectorAll("#learn-steps label")[place(quiz) - 1]
        ?.toggleAttribute("data-done", Boolean(quiz.querySelector(".right :checked")));
    const read = () => {
        try {
            return Object(JSON.parse(localStorage.getItem(KEY)));
        } catch {
            return {};
        }
    };
    const kept = read();
    for (const quiz of quizzes) {
        const answer = quiz.querySelectorAll("input")[kept[place(quiz)]];
        if (answer && !quiz.querySelector(":checked")) answer.checked = true;
        tick(quiz);
        if (quiz.dataset.kept) continue;
        quiz.dataset.kept = "yes";
        quiz.addEventListener("change", (event) => {
            const answers = { ...read(), [place(quiz)]: Number(event.target.value) };
            try {
                localStorage.setItem(KEY, JSON.stringify(answers));
            } catch { /* a browser that keeps nothing: the page goes on */ }
            tick(quiz);
        });
    }
}
