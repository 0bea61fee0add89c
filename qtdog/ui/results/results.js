// Sorting, searching and filtering of the results table; `element` is or holds the table.
// A click on a run log becomes a "select" event where there is a page that listens.
const number = (text) => (text === "" ? NaN : Number(text));

const compare = (a, b) => {
  const [x, y] = [number(a), number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a.localeCompare(b);
};

const sort = (button) => {
  const header = button.closest("th");
  const column = Number(button.dataset.sort);
  // Numbers start with the highest, names with A.
  const first = column === 0 ? "ascending" : "descending";
  const other = column === 0 ? "descending" : "ascending";
  const direction = header.getAttribute("aria-sort") === first ? other : first;
  const sign = direction === "ascending" ? 1 : -1;
  header.parentElement.querySelectorAll("[aria-sort]").forEach((th) => th.setAttribute("aria-sort", "none"));
  header.setAttribute("aria-sort", direction);
  header.closest("table").querySelectorAll("tbody").forEach((body) => {
    const rows = [...body.querySelectorAll("tr:not(.group)")];
    const value = (row) => row.children[column].dataset.value;
    rows.sort((a, b) => {
      // Rows without a number come last in either direction.
      if (value(a) === "" || value(b) === "") return (value(a) === "") - (value(b) === "");
      return sign * compare(value(a), value(b));
    });
    body.append(...rows);
  });
};

const filter = (shown) => {
  const words = shown.querySelector("[data-search]").value.toLowerCase().split(/\s+/).filter(Boolean);
  const flagged = shown.querySelector("input[data-flagged]").checked;
  let count = 0;
  let all = 0;
  shown.querySelectorAll("tbody").forEach((body) => {
    const group = body.querySelector(".group");
    let some = false;
    body.querySelectorAll("tr:not(.group)").forEach((row) => {
      const titles = [...row.querySelectorAll("[title]")].map((cell) => cell.title).join(" ");
      const text = `${group.textContent} ${row.textContent} ${titles}`.toLowerCase();
      const match = words.every((word) => text.includes(word)) && (!flagged || "flagged" in row.dataset);
      row.hidden = !match;
      some ||= match;
      count += match;
      all += 1;
    });
    group.hidden = !some;
  });
  shown.querySelector("[data-count]").textContent = `${count} of ${all} rows`;
};

// The page's address carries order and search; a single file of results has no such page.
const inPage = typeof trigger === "function";

const keep = (name, text) => {
  if (!inPage) return;
  const address = new URL(window.location.href);
  if (text) address.searchParams.set(name, text);
  else address.searchParams.delete(name);
  window.history.replaceState(window.history.state, "", address);
  window.qtdogQuery = address.search;
};

const restore = () => {
  const fresh = ".results-table:not([data-restored])";
  const shown = element.matches(fresh) ? element : element.querySelector(fresh);
  if (!shown) return;
  shown.dataset.restored = "";
  const asked = new URL(window.location.href).searchParams;
  const [column, direction] = (asked.get("order") ?? "").split("-");
  const button = column && shown.querySelector(`[data-sort="${Number(column)}"]`);
  if (button) sort(button);
  if (button && button.closest("th").getAttribute("aria-sort") !== direction) sort(button);
  const search = shown.querySelector("[data-search]");
  if (!search || !asked.get("search")) return;
  search.value = asked.get("search").slice(0, 200);
  filter(shown);
};
if (inPage) {
  new MutationObserver(restore).observe(element, { childList: true, subtree: true });
  restore();
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sort]");
  if (button) {
    sort(button);
    keep("order", `${button.dataset.sort}-${button.closest("th").getAttribute("aria-sort")}`);
  }
  const log = event.target.closest("[data-log]");
  if (log && typeof trigger === "function") trigger("select", { log: log.dataset.log });
});
element.addEventListener("input", (event) => {
  const shown = event.target.closest(".results-table");
  if (!shown) return;
  filter(shown);
  if (event.target.matches("[data-search]")) keep("search", event.target.value.slice(0, 200));
});
