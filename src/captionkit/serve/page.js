"use strict";
const AT_ONCE = 4; // requests; a browser keeps six connections to a server, and the page may be open twice
const input = document.getElementById("files");
const drop = document.getElementById("drop");
const list = document.getElementById("pictures");
const said = document.getElementById("said");
const waiting = [];
let running = 0;

// A line each, as several may come before the first is spoken; the oldest have long been heard.
function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  said.append(line);
  if (said.childElementCount > 20) said.firstElementChild.remove();
}

function show(picture, kind, text, note) {
  picture.item.className = kind;
  picture.item.querySelector(".text").textContent = text;
  const beside = picture.item.querySelector(".note");
  beside.textContent = note;
  beside.hidden = !note;
  picture.item.querySelector("button").hidden = kind !== "done";
  if (kind !== "waiting") say([`${picture.name}:`, text, note].filter(Boolean).join(" "));
}

async function caption(picture) {
  if (picture.file.size > Number(input.dataset.upload)) {
    return show(picture, "wrong", "This file is larger than this server takes; make it smaller.", "");
  }
  let answer;
  try {
    // As bytes, whatever the browser takes the file for: the server looks for itself.
    const headers = { "Content-Type": "application/octet-stream" };
    const response = await fetch("caption", { method: "POST", headers, body: picture.file });
    answer = await response.json();
  } catch (error) {
    return show(picture, "wrong", "It could not be sent; is captionkit still running, and the file still there?", "");
  }
  if (answer.error) return show(picture, "wrong", answer.error, "");
  const note = answer.unsure ? "The model is unsure of this one." : "";
  return show(picture, "done", answer.captions[0].text, note);
}

function go() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    caption(waiting.shift()).finally(() => { running -= 1; go(); });
  }
}

async function copy(picture) {
  const text = picture.item.querySelector(".text");
  const label = picture.item.querySelector(".do");
  try {
    await navigator.clipboard.writeText(text.textContent);
    label.textContent = "Copied";
  } catch (error) { // browsers have no clipboard for pages that come over the network without TLS
    getSelection().selectAllChildren(text);
    label.textContent = "Selected: press Ctrl+C";
  }
  say(`${label.textContent}.`);
  setTimeout(() => { label.textContent = "Copy"; }, 4000);
}

function add(files) {
  for (const file of files) {
    const item = document.getElementById("one").content.cloneNode(true).firstElementChild;
    const picture = { file, item, name: file.name || "pasted picture" };
    const image = item.querySelector("img");
    image.src = URL.createObjectURL(file);
    for (const end of ["load", "error"]) image.addEventListener(end, () => URL.revokeObjectURL(image.src));
    // What this browser cannot show (HEIC, TIFF) may have a caption all the same: no sign that something is broken.
    image.addEventListener("error", () => { image.style.visibility = "hidden"; });
    item.querySelector("h3").textContent = picture.name;
    item.querySelector("button .hidden").textContent = `the caption of ${picture.name}`;
    item.querySelector("button").addEventListener("click", () => copy(picture));
    list.append(item);
    show(picture, "waiting", "Waiting for its caption.", "");
    waiting.push(picture);
  }
  document.getElementById("none").hidden = list.childElementCount > 0;
  go();
}

input.addEventListener("change", () => { add(input.files); input.value = ""; }); // the same file may be chosen again
document.addEventListener("paste", (event) => add(event.clipboardData.files));
// Anywhere on the page: a picture dropped beside the box would otherwise take the page's place.
document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add(event.dataTransfer.files);
});
