"use strict";
/* Light, dark, or as the system has it: the choice is kept where the browser lets us keep it. */
const theme = (() => {
  const CHOICES = ["automatic", "light", "dark"];
  const KEY = "featurizer-report-theme";
  const listeners = [];
  let chosen = "automatic";

  function remembered() {
    try { return localStorage.getItem(KEY); } catch { return null; } // a page from disk may have no storage
  }
  function remember(name) {
    try { localStorage.setItem(KEY, name); } catch { /* then it lasts as long as the page */ }
  }
  function apply(name) {
    chosen = CHOICES.includes(name) ? name : "automatic";
    if (chosen === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    listeners.forEach((listener) => listener());
  }

  apply(remembered());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(chosen));
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = document.getElementById("theme-name");
    button.hidden = false;
    name.textContent = chosen;
    button.addEventListener("click", () => {
      apply(CHOICES[(CHOICES.indexOf(chosen) + 1) % CHOICES.length]);
      remember(chosen);
      name.textContent = chosen;
    });
  });
  return { onChange: (listener) => listeners.push(listener) };
})();
