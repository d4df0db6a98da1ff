"use strict";
/* Which part of a map is seen: grid coordinates to pixels and back. */
function makeView() {
  const MARGIN = 18;
  const view = { width: 1, height: 1, scale: 1, x: GRID / 2, y: GRID / 2 };

  const pixelsPerGrid = () => (view.scale * Math.max(Math.min(view.width, view.height) - 2 * MARGIN, 1)) / GRID;
  view.toScreen = (x, y) => [
    (x - view.x) * pixelsPerGrid() + view.width / 2,
    (view.y - y) * pixelsPerGrid() + view.height / 2,
  ];
  view.reset = () => { view.scale = 1; view.x = view.y = GRID / 2; };
  view.pan = (dx, dy) => { view.x -= dx / pixelsPerGrid(); view.y += dy / pixelsPerGrid(); };
  view.zoom = (factor, atX = view.width / 2, atY = view.height / 2) => {
    const before = pixelsPerGrid();
    view.scale = Math.min(Math.max(view.scale * factor, 0.8), 200);
    const shift = 1 / before - 1 / pixelsPerGrid();
    view.x += (atX - view.width / 2) * shift;
    view.y -= (atY - view.height / 2) * shift;
  };
  view.reveal = (x, y) => {
    const [left, top] = view.toScreen(x, y);
    if (left < MARGIN || top < MARGIN || left > view.width - MARGIN || top > view.height - MARGIN) {
      view.x = x;
      view.y = y;
    }
  };
  return view;
}
