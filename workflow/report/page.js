"use strict";
// The search: hides what does not hold the words. Without a script the page is whole and has no field.
(() => {
  const form = document.querySelector(".search");
  const field = form.querySelector("input");
  const told = form.querySelector("[role=status]");
  const main = document.querySelector("main");
  const sections = [...main.querySelectorAll("section")];
  const units = [...main.querySelectorAll(".item, .findings li, section > p, section > h3, section > details, .facts dt")];
  const textOf = (element) => {
    const pictures = [...element.querySelectorAll("img")].map((image) => image.alt);
    return [element.textContent, ...pictures].join(" ").toLowerCase().replace(/\s+/g, " ");
  };
  const show = (element, visible) => { element.hidden = !visible; };

  const searchRows = (unit, words) => {
    const caption = unit.querySelector(".tablecaption");
    const whole = words === "" || (caption !== null && textOf(caption).includes(words));
    let group = null;
    for (const row of unit.querySelectorAll("tbody tr")) {
      const found = whole || textOf(row).includes(words);
      show(row, found);
      if (row.classList.contains("group")) { group = row; }
      else if (found && group !== null) { show(group, true); }
    }
  };

  const search = () => {
    const words = field.value.trim().toLowerCase().replace(/\s+/g, " ");
    let count = 0;
    for (const unit of units) {
      // a fact is a name and its value
      const value = unit.tagName === "DT" ? unit.nextElementSibling : null;
      const found = textOf(unit).includes(words) || (value !== null && textOf(value).includes(words));
      show(unit, found);
      if (value !== null) { show(value, found); }
      if (found) { count += 1; searchRows(unit, words); }
    }
    for (const section of sections) {
      show(section, words === "" || units.some((unit) => !unit.hidden && section.contains(unit)));
    }
    told.textContent = words === "" ? "" : count === 0 ? "Nothing found" : `Found in ${count} ${count === 1 ? "place" : "places"}`;
  };

  field.addEventListener("input", search);
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== field) { event.preventDefault(); field.focus(); }
    if (event.key === "Escape" && document.activeElement === field) { field.value = ""; search(); }
  });
  form.hidden = false;
})();
