"use strict";
/* The data of the page: text arrays as they are, numbers unpacked from base64. */
const ABSENT = 65535;
const GRID = 65534;

function readData(element) {
  const raw = JSON.parse(element.textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const items = raw.ids.length;
  const pathOf = new Uint16Array(bytes(raw.paths.ofItem));
  const data = {
    items,
    ids: raw.ids,
    title: (item) => raw.titles[item] ?? raw.ids[item],
    picture: (item) => raw.pictures[item],
    path: (item) => raw.paths.names[pathOf[item]],
    levels: raw.levels.map((level) => ({ ...level, ofItem: new Uint8Array(bytes(level.ofItem)) })),
    level: raw.level,
    /* Everything is colored by one level of the category tree at a time. */
    colorBy(level) {
      data.level = level;
      data.categories = data.levels[level].names;
      data.colors = data.levels[level].colors;
      data.categoryOf = data.levels[level].ofItem;
    },
    spaces: raw.spaces.map((space) => ({
      ...space,
      neighbors: new Uint16Array(bytes(space.neighbors)),
      cosines: new Int16Array(bytes(space.cosines)),
      maps: space.maps.map((map) => ({ ...map, points: new Uint16Array(bytes(map.points)) })),
    })),
  };
  data.colorBy(raw.level);
  return data;
}

/* An item's nearest in a space, best first; empty where it has no vector there. */
function nearestOf(space, item) {
  const found = [];
  for (let at = item * space.many; at < (item + 1) * space.many; at++) {
    if (space.neighbors[at] !== ABSENT) found.push({ item: space.neighbors[at], cosine: space.cosines[at] / 10000 });
  }
  return found;
}

/* What both map and explorer show of an item; whatever comes from data is set as text. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function pictureOf(data, item) {
  const picture = data.picture(item);
  if (!picture) return element("span", "picture none", "no picture");
  const image = element("img", "picture");
  image.src = `data:image/webp;base64,${picture}`;
  image.alt = "";
  return image;
}

function dotOf(data, category) {
  const dot = element("span", "dot");
  dot.style.background = data.colors[category];
  return dot;
}
