"use strict";
/* One item, and its nearest in every space side by side; each of them leads on to its own. */
function makeExplorer(data, onPick) {
  const chosen = document.getElementById("chosen");
  const columns = document.getElementById("columns");

  function card({ item, cosine }) {
    const figure = element("span", "cosine", dotOf(data, data.categoryOf[item]), cosine.toFixed(3));
    const text = element("span", "text", element("span", "title", data.title(item)), figure);
    const button = element("button", "", pictureOf(data, item), text);
    button.type = "button";
    button.title = data.title(item);
    button.dataset.item = data.ids[item];
    button.addEventListener("click", () => onPick(item));
    return element("li", "", button);
  }

  function column(space, item) {
    const near = nearestOf(space, item);
    const heading = element("h3", "", space.name);
    if (near.length === 0) {
      return element("section", "", heading, element("p", "quiet", "This item has no vector here."));
    }
    const list = element("ol", "", ...near.map(card));
    list.setAttribute("aria-label", `Nearest in ${space.name}, with cosine`);
    return element("section", "", heading, list);
  }

  return {
    show(item) {
      const title = element("span", "title", data.title(item));
      const path = element("span", "path", data.path(item));
      chosen.replaceChildren(
        pictureOf(data, item),
        element("span", "text", title, element("span", "id", data.ids[item]), path),
      );
      columns.replaceChildren(...data.spaces.map((space) => column(space, item)));
    },
  };
}
