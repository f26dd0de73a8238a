"use strict";
document.documentElement.classList.add("js");
const buttons = [...document.querySelectorAll(".words button")];
const maps = [...document.querySelectorAll(".map")];
const sections = [...document.querySelectorAll(".details section")];
const said = document.getElementById("said");
function show(chosen, speak) {
  buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
  maps.forEach((map, index) => map.classList.toggle("on", index === chosen));
  sections.forEach((section, index) => section.classList.toggle("on", index === chosen));
  if (speak) said.textContent = chosen < 0 ? "The whole picture." : sections[chosen].dataset.said;
}
buttons.forEach((button, index) => {
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") === "true" ? -1 : index, true));
  button.addEventListener("keydown", (event) => {
    const last = buttons.length - 1;
    const goal = { ArrowRight: Math.min(index + 1, last), ArrowLeft: Math.max(index - 1, 0), Home: 0, End: last }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    buttons[goal].focus();
    show(goal, true);
  });
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") show(-1, true); });
const first = buttons.findIndex((button) => "first" in button.dataset);
if (buttons.length) show(first < 0 ? 0 : first, false);
