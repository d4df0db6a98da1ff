"use strict";
/* Brings data, map, search and explorer together: one item is chosen, and all of them show it. */
(() => {
  const data = readData(document.getElementById("data"));
  const mapped = data.spaces.filter((space) => space.maps.length > 0);
  const explorer = makeExplorer(data, pick);
  const map = mapped.length > 0 ? makeMap(data, { onPick: pick, onPoint: showTip }) : null;

  let chosen = 0;
  function pick(item) {
    chosen = item;
    explorer.show(item);
    map?.choose(item);
  }

  function showTip(item, place, byKeyboard) {
    const tip = document.getElementById("tip");
    tip.hidden = item < 0;
    if (item < 0) return;
    const category = data.categories[data.categoryOf[item]];
    const text = element("span", "text", data.title(item), element("span", "id", data.ids[item]));
    text.append(element("span", "path", category));
    tip.replaceChildren(pictureOf(data, item), text);
    const stage = document.getElementById("stage");
    const left = Math.min(Math.max(place[0] + 14, 4), stage.clientWidth - tip.offsetWidth - 4);
    const below = place[1] + 14 + tip.offsetHeight < stage.clientHeight;
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${below ? place[1] + 14 : Math.max(place[1] - tip.offsetHeight - 14, 4)}px`;
    if (byKeyboard) document.getElementById("map-said").textContent = `${data.title(item)}, ${category}`;
  }

  function options(select, names) {
    select.replaceChildren(...names.map((name, at) => new Option(name, at)));
  }

  function controls() {
    const [space, kind] = ["map-space", "map-kind"].map((id) => document.getElementById(id));
    const show = () => {
      const chosen = mapped[space.value];
      const one = chosen.maps[Math.min(kind.value, chosen.maps.length - 1)];
      document.getElementById("map-about").textContent = `${chosen.name}: ${one.about}.`;
      map.show(chosen, one);
    };
    const showSpace = () => {
      const before = Number(kind.value);
      options(kind, mapped[space.value].maps.map((one) => one.name));
      kind.value = Math.min(before, kind.options.length - 1);
      show();
    };
    options(space, mapped.map((one) => one.name));
    options(kind, mapped[0].maps.map((one) => one.name));
    kind.value = kind.options.length - 1;
    space.addEventListener("change", showSpace);
    kind.addEventListener("change", show);
    document.getElementById("zoom-in").addEventListener("click", () => map.zoom(1.5));
    document.getElementById("zoom-out").addEventListener("click", () => map.zoom(1 / 1.5));
    document.getElementById("zoom-reset").addEventListener("click", map.reset);
    show();
  }

  function legend() {
    const counts = new Array(data.categories.length).fill(0);
    data.categoryOf.forEach((category) => counts[category]++);
    const only = new Set();
    map.filter(only);
    document.getElementById("legend").replaceChildren(...data.categories.map((name, category) => {
      const count = element("span", "quiet", counts[category].toLocaleString("en"));
      const button = element("button", "", dotOf(data, category), element("span", "name", name), count);
      button.type = "button";
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        if (!only.delete(category)) only.add(category);
        button.setAttribute("aria-pressed", String(only.has(category)));
        map.filter(only);
      });
      return element("li", "", button);
    }));
  }

  function levels() {
    const select = document.getElementById("map-level");
    options(select, data.levels.map((one) => one.title));
    select.value = data.level;
    select.addEventListener("change", () => {
      data.colorBy(Number(select.value));
      legend();
      explorer.show(chosen);
    });
  }

  /* The first item that every space has and that has a picture. */
  function first() {
    const whole = (item) => data.spaces.every((space) => nearestOf(space, item).length > 0);
    const items = [...data.ids.keys()];
    return items.find((item) => data.picture(item) && whole(item)) ?? items.find(whole) ?? 0;
  }

  makeCombobox(data, pick);
  document.getElementById("any").addEventListener("click", () => pick(Math.floor(Math.random() * data.items)));
  if (map) {
    controls();
    levels();
    legend();
    // for those who script the page, and for its tests
    window.featurizerMap = { placeOf: (id) => map.placeOf(data.ids.indexOf(id)) };
  }
  pick(first());
})();
