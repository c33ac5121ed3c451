"use strict";
// Filters, keys and the switch of theme. Everything that it shows is in the document already;
// it reads and hides elements, and writes only words of its own and numbers.
(() => {
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const cards = all(".cf-finding[data-severity]");
  const files = all(".cf-file");
  const settled = find("settled");
  const boxes = all("input[data-filter]");
  const search = find("search");
  const source = find("source");
  const help = find("help");
  const single = find("single-keys");
  const number = new Intl.NumberFormat("en");
  root.classList.add("cf-live");

  // What a search looks at is read once, at the first search.
  let texts = null;
  const read = () => {
    texts ??= new Map(
      cards.map((card) => [card, card.textContent.replace(/\s+/g, " ").toLowerCase()]),
    );
    return texts;
  };

  const isShown = (card) => !card.hidden;

  const chosen = (name) =>
    new Set(boxes.filter((b) => b.dataset.filter === name && b.checked).map((b) => b.value));

  const isFiltered = () =>
    boxes.some((box) => !box.checked) || Boolean(search.value.trim()) || Boolean(source?.value);

  function filter() {
    if (!search) return;
    const severities = chosen("severity");
    const states = chosen("state");
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const from = source?.value ?? "";
    let shown = 0;
    for (const card of cards) {
      const { severity, state, sources } = card.dataset;
      const fits =
        severities.has(severity) &&
        states.has(state) &&
        (from === "" || sources.split(" ").includes(from)) &&
        words.every((word) => read().get(card).includes(word));
      card.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const file of files) file.hidden = !file.querySelector(".cf-finding:not([hidden])");
    if (settled) settled.hidden = !settled.querySelector(".cf-file:not([hidden])");
    find("findings").hidden = shown === 0 && cards.length > 0;
    find("empty").hidden = shown > 0;
    find("clear").hidden = !isFiltered();
    find("shown").textContent = `${number.format(shown)} of ${number.format(cards.length)} shown`;
    label();
  }

  function clear() {
    for (const box of boxes) box.checked = true;
    search.value = "";
    if (source) source.value = "";
    filter();
  }

  // Opening all of them gives an event for each: the button is named once for all.
  let named = true;
  function rename() {
    if (named) requestAnimationFrame(label);
    named = false;
  }

  function label() {
    named = true;
    const open = cards.some((card) => isShown(card) && card.open);
    find("unfold").textContent = open ? "Close all" : "Open all";
  }

  function unfold() {
    const open = !cards.some((card) => isShown(card) && card.open);
    for (const card of cards) if (isShown(card)) card.open = open;
    label();
  }

  // A box of code that scrolls can be reached by the keyboard, one that does not is no stop.
  // Only those in sight are measured: to measure thousands would lay all of them out.
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });

  function move(step) {
    const shown = cards.filter(isShown);
    if (!shown.length) return;
    const here = shown.findIndex((card) => card.contains(document.activeElement));
    let next = here + step;
    if (here < 0) {
      const below = shown.findIndex((card) => card.getBoundingClientRect().bottom > 0);
      next = step > 0 ? Math.max(below, 0) : shown.length - 1;
    }
    const card = shown[Math.min(Math.max(next, 0), shown.length - 1)];
    card.firstElementChild.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  function follow() {
    const card = cards.find((one) => `#${one.firstElementChild.id}` === location.hash);
    if (!card) return;
    if (!isShown(card)) clear();
    card.open = true;
    card.firstElementChild.focus({ preventScroll: true });
    card.firstElementChild.scrollIntoView();
  }

  const THEMES = ["system", "light", "dark"];
  function turn() {
    const button = find("theme");
    const theme = THEMES[(THEMES.indexOf(button.dataset.theme) + 1) % THEMES.length];
    button.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  function explain() {
    help.showModal();
    find("help-close").focus();
  }

  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    o: () => search && unfold(),
    t: turn,
    "/": () => search?.focus(),
    "?": explain,
  };

  function leave(event) {
    if (event.target !== search) return;
    event.preventDefault();
    if (search.value) {
      search.value = "";
      filter();
    } else {
      search.blur();
    }
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.key === "Escape") return leave(event);
    if (event.target.closest("input, select, textarea")) return;
    let act = single.checked ? KEYS[event.key] : undefined;
    const onCard = event.target.closest(".cf-finding > summary");
    if (onCard && event.key === "ArrowDown") act = () => move(1);
    if (onCard && event.key === "ArrowUp") act = () => move(-1);
    if (!act) return;
    event.preventDefault();
    act();
  }

  for (const box of boxes) box.addEventListener("change", filter);
  let waiting = 0;
  search?.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(filter);
  });
  source?.addEventListener("change", filter);
  find("clear")?.addEventListener("click", () => {
    clear();
    search.focus();
  });
  find("clear-empty")?.addEventListener("click", () => {
    clear();
    search.focus();
  });
  find("unfold")?.addEventListener("click", unfold);
  find("theme").addEventListener("click", turn);
  find("keys").addEventListener("click", explain);
  find("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", press);
  document.addEventListener(
    "toggle",
    (event) => {
      if (event.target.matches(".cf-finding")) rename();
    },
    true,
  );
  addEventListener("hashchange", follow);

  // Paper shows all: what the reader has closed is opened to print, and closed again after.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
    closed = [];
  });

  // A browser that comes back to the page fills the controls as they were left.
  filter();
  for (const code of all(".cf-code")) sight.observe(code);
  follow();
})();
