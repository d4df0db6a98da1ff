"use strict";
/* Search as one types, after the ARIA combobox pattern: focus stays in the field, arrows move in the list. */
function makeCombobox(data, onPick) {
  const MOST = 20;
  const field = document.getElementById("search");
  const list = document.getElementById("found");
  const said = document.getElementById("search-said");
  const words = data.ids.map((id, item) => `${data.title(item)}\n${id}`.toLocaleLowerCase());
  let found = [];
  let active = -1;

  function matches(query) {
    const wanted = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    if (wanted.length === 0) return [];
    const phrase = query.trim().toLocaleLowerCase();
    const exact = [];
    const loose = [];
    for (let item = 0; item < words.length; item++) {
      if (words[item].includes(phrase)) exact.push(item);
      else if (wanted.every((word) => words[item].includes(word))) loose.push(item);
    }
    return exact.concat(loose);
  }

  function option(item, at) {
    const text = element("span", "text", data.title(item), element("span", "id", data.ids[item]));
    const made = element("li", "", pictureOf(data, item), text);
    made.id = `found-${at}`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    made.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus in the field
    made.addEventListener("click", () => pick(at));
    return made;
  }

  function open() {
    const all = matches(field.value);
    found = all.slice(0, MOST);
    list.replaceChildren(...found.map(option));
    list.hidden = found.length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    const shown = all.length > MOST ? `, the first ${MOST} shown` : "";
    said.textContent = field.value.trim() ? `${all.length} items found${shown}` : "";
    activate(-1);
  }

  function close() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    activate(-1);
  }

  function activate(at) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = at;
    const now = list.children[active];
    if (!now) return field.removeAttribute("aria-activedescendant");
    now.setAttribute("aria-selected", "true");
    now.scrollIntoView({ block: "nearest" });
    return field.setAttribute("aria-activedescendant", now.id);
  }

  function pick(at) {
    field.value = data.title(found[at]);
    onPick(found[at]);
    close();
  }

  function onKey(event) {
    const open_ = !list.hidden;
    if (event.key === "ArrowDown" && !open_) open();
    else if (event.key === "ArrowDown") activate((active + 1) % found.length);
    else if (event.key === "ArrowUp" && open_) activate((active <= 0 ? found.length : active) - 1);
    else if (event.key === "Enter" && open_) pick(Math.max(active, 0));
    else if (event.key === "Escape" && open_) close();
    else return;
    event.preventDefault();
  }

  field.addEventListener("input", open);
  field.addEventListener("keydown", onKey);
  field.addEventListener("blur", close);
}
