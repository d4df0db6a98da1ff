"use strict";
/* A map on a canvas: dots by category, the pointed-at item, the chosen one and its nearest. */
function makeMap(data, { onPick, onPoint }) {
  const canvas = document.getElementById("canvas");
  const pen = canvas.getContext("2d");
  const view = makeView();
  const state = { space: null, points: null, pointed: -1, chosen: -1, only: new Set(), due: false };

  const has = (item) => item >= 0 && state.points[2 * item] !== ABSENT;
  const shown = (item) => state.only.size === 0 || state.only.has(data.categoryOf[item]);
  const place = (item) => view.toScreen(state.points[2 * item], state.points[2 * item + 1]);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

  function draw() {
    state.due = false;
    const ratio = devicePixelRatio || 1;
    view.width = canvas.clientWidth;
    view.height = canvas.clientHeight;
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(view.height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawDots();
    if (has(state.chosen)) {
      nearestOf(state.space, state.chosen).forEach(({ item }) => has(item) && ring(item, 6, 1.5));
      ring(state.chosen, 9, 3);
    }
    if (has(state.pointed)) ring(state.pointed, 7, 2);
  }

  /* In the items' order, so that no category hides the others; those filtered out first, and faint. */
  function drawDots() {
    const size = Math.min(Math.max(260 / Math.sqrt(data.items), 1.2), 5) * Math.min(Math.sqrt(view.scale), 2);
    for (const dimmed of state.only.size > 0 ? [true, false] : [false]) {
      pen.globalAlpha = dimmed ? 0.12 : 0.85;
      for (let item = 0; item < data.items; item++) {
        if (!has(item) || shown(item) === dimmed) continue;
        const [x, y] = place(item);
        if (x < -9 || y < -9 || x > view.width + 9 || y > view.height + 9) continue;
        pen.fillStyle = data.colors[data.categoryOf[item]];
        dot(x, y, size);
      }
    }
    pen.globalAlpha = 1;
  }

  /* Squares are drawn faster, and very small ones look the same. */
  function dot(x, y, size) {
    if (size < 2.5) return pen.fillRect(x - size, y - size, 2 * size, 2 * size);
    pen.beginPath();
    pen.arc(x, y, size, 0, 2 * Math.PI);
    return pen.fill();
  }

  function ring(item, radius, width) {
    const [x, y] = place(item);
    pen.strokeStyle = css("--ink");
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }

  function redraw() {
    if (!state.due) requestAnimationFrame(draw);
    state.due = true;
  }

  /* The item at a pixel, -1 if none is near. */
  function itemAt(x, y, reach = 14) {
    let best = -1;
    let nearest = reach * reach;
    for (let item = 0; item < data.items; item++) {
      if (!has(item) || !shown(item)) continue;
      const [left, top] = place(item);
      const distance = (left - x) ** 2 + (top - y) ** 2;
      if (distance < nearest) [best, nearest] = [item, distance];
    }
    return best;
  }

  /* The next item in a direction: near, and not far off the line. */
  function itemTowards(from, dx, dy) {
    const [x, y] = place(from);
    let best = -1;
    let least = Infinity;
    for (let item = 0; item < data.items; item++) {
      if (item === from || !has(item) || !shown(item)) continue;
      const [left, top] = place(item);
      const along = (left - x) * dx + (top - y) * dy;
      const aside = Math.abs((left - x) * dy) + Math.abs((top - y) * dx);
      if (along <= 0.01 || aside > 2 * along) continue;
      const cost = along + 2 * aside;
      if (cost < least) [best, least] = [item, cost];
    }
    return best;
  }

  function point(item, byKeyboard = false) {
    if (item === state.pointed && !byKeyboard) return;
    state.pointed = item;
    if (byKeyboard && has(item)) view.reveal(state.points[2 * item], state.points[2 * item + 1]);
    onPoint(item, has(item) ? place(item) : null, byKeyboard);
    redraw();
  }

  function zoom(factor, x, y) {
    view.zoom(factor, x, y);
    point(-1);
    redraw();
  }

  listenToKeys(canvas, {
    step(dx, dy) {
      const from = [state.pointed, state.chosen].find(has) ?? itemAt(view.width / 2, view.height / 2, Infinity);
      const next = state.pointed < 0 ? from : itemTowards(from, dx, dy);
      if (next >= 0) point(next, true);
    },
    pan(dx, dy) { view.pan(-60 * dx, -60 * dy); redraw(); },
    zoom,
    enter() { if (has(state.pointed)) onPick(state.pointed); },
    leave() { point(-1); },
  });
  listenToPointers(canvas, {
    hover: (x, y) => point(itemAt(x, y)),
    leave: () => point(-1),
    pan(dx, dy) { view.pan(dx, dy); point(-1); redraw(); },
    zoom,
    tap(x, y) {
      const item = itemAt(x, y);
      point(item);
      if (item >= 0) onPick(item);
    },
  });
  new ResizeObserver(redraw).observe(canvas);
  theme.onChange(redraw);

  return {
    show(space, map) {
      state.space = space;
      state.points = map.points;
      view.reset();
      canvas.setAttribute("aria-label", `Map of the items in ${space.name}, ${map.name}`);
      point(-1);
      redraw();
    },
    choose(item) { state.chosen = item; redraw(); },
    filter(only) { state.only = only; point(-1); redraw(); },
    zoom: (factor) => zoom(factor),
    reset() { view.reset(); redraw(); },
    placeOf: (item) => (has(item) ? place(item) : null),
  };
}
