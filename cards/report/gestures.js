"use strict";
/* Keys, mouse, wheel and fingers, told as what they mean for a map. */
function listenToKeys(canvas, meaning) {
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) (event.shiftKey ? meaning.pan : meaning.step)(...ARROWS[event.key]);
    else if (event.key === "+" || event.key === "=") meaning.zoom(1.4);
    else if (event.key === "-") meaning.zoom(1 / 1.4);
    else if (event.key === "Enter" || event.key === " ") meaning.enter();
    else if (event.key === "Escape") meaning.leave();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", meaning.leave);
}

function listenToPointers(canvas, meaning) {
  const SLOP = 4; // pixels that a tap may wander
  const held = new Map();
  let wandered = 0;
  const at = (event) => [event.offsetX, event.offsetY];
  const spread = () => {
    const [one, other] = [...held.values()];
    return Math.hypot(one[0] - other[0], one[1] - other[1]);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (held.size === 0) wandered = 0;
    held.set(event.pointerId, at(event));
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const before = held.get(event.pointerId);
    if (!before) return meaning.hover(x, y);
    wandered += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (held.size === 2) {
      const width = spread();
      held.set(event.pointerId, [x, y]);
      const [one, other] = [...held.values()];
      meaning.zoom(spread() / Math.max(width, 1), (one[0] + other[0]) / 2, (one[1] + other[1]) / 2);
    } else {
      held.set(event.pointerId, [x, y]);
      if (wandered > SLOP) meaning.pan(x - before[0], y - before[1]);
    }
    return undefined;
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held.size === 1 && wandered <= SLOP) meaning.tap(...at(event));
    held.delete(event.pointerId);
  });
  canvas.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => held.size === 0 && meaning.leave());
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return; // the page scrolls past the map
    event.preventDefault();
    meaning.zoom(Math.exp(-event.deltaY / 300), ...at(event));
  }, { passive: false });
}
