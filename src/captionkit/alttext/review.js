"use strict";
(() => {
  const rows = JSON.parse(document.getElementById("rows").textContent);
  const articles = Array.from(document.querySelectorAll("article"));
  const progress = document.getElementById("progress");
  const key = "captionkit-alt " + rows.map((row) => row.id).join(" ");
  let saved = true;

  const radios = (article) => Array.from(article.querySelectorAll("input[type=radio]"));
  const decision = (article) => (radios(article).find((radio) => radio.checked) || { value: "" }).value;
  const text = (article) => article.querySelector("textarea");
  // Of the same picture in other places the first is decided, and the others as it is, unless one has its own.
  const byId = new Map(rows.map((row, index) => [row.id, articles[index]]));
  const first = new Map(rows.map((row, index) => [articles[index], byId.get(row.same_as)]));
  const firsts = articles.filter((article) => !first.get(article));
  const inEffect = (article) => decision(article) || (first.get(article) ? decision(first.get(article)) : "");

  // A browser may forbid storage for local files: then a reload starts afresh, and leaving warns.
  const remember = () => {
    const state = articles.map((article) => [decision(article), text(article).value]);
    try { localStorage.setItem(key, JSON.stringify(state)); } catch (error) { /* not kept */ }
  };
  const recall = () => {
    let state = null;
    try { state = JSON.parse(localStorage.getItem(key)); } catch (error) { return; }
    if (!Array.isArray(state) || state.length !== articles.length) { return; }
    articles.forEach((article, index) => {
      text(article).value = state[index][1];
      if (first.get(article) && state[index][0]) { article.closest("details").open = true; }
      radios(article).forEach((radio) => { radio.checked = radio.value === state[index][0]; });
    });
  };
  const show = () => {
    const decided = firsts.filter((article) => decision(article)).length;
    articles.forEach((article) => {
      article.classList.toggle("decided", Boolean(inEffect(article)));
      const field = text(article);
      if (first.get(article) && !decision(article) && field !== document.activeElement) {
        field.value = text(first.get(article)).value;
        count(article);
      }
    });
    const told = `${decided} of ${firsts.length} decided, ${firsts.length - decided} left.`;
    // Screen readers speak it whenever it is set.
    if (progress.textContent !== told) { progress.textContent = told; }
  };
  const changed = () => { saved = false; show(); remember(); };
  const count = (article) => {
    const hint = article.querySelector(".hint");
    hint.textContent = `${text(article).value.length} characters; at most ${hint.dataset.limit} are best.`;
  };
  const next = (from) => {
    const order = articles.slice(from).concat(articles.slice(0, from));
    const article = order.find((one) => !first.get(one) && !decision(one));
    if (article) {
      article.scrollIntoView({ block: "start" });
      text(article).focus({ preventScroll: true });
    } else {
      document.getElementById("download").focus();
    }
  };

  articles.forEach((article, index) => {
    radios(article).forEach((radio) => radio.addEventListener("change", changed));
    text(article).addEventListener("input", () => {
      count(article);
      const accept = radios(article).find((radio) => radio.value === "accept");
      if (text(article).value.trim()) { accept.checked = true; } else if (accept.checked) {
        accept.checked = false;
        radios(article).forEach((radio) => { radio.checked = radio.checked || radio.value === ""; });
      }
      changed();
    });
    text(article).addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && text(article).value.trim()) {
        event.preventDefault();
        radios(article).find((radio) => radio.value === "accept").checked = true;
        changed();
        next(index + 1);
      }
    });
  });
  document.getElementById("next").addEventListener("click", () => next(0));

  const cell = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  document.getElementById("download").addEventListener("click", () => {
    const empty = articles.find((article) => inEffect(article) === "accept" && !text(article).value.trim());
    if (empty) {
      if (empty.closest("details")) { empty.closest("details").open = true; }
      progress.textContent = "A picture is accepted without a text: write one, or choose decorative or skip.";
      empty.scrollIntoView({ block: "start" });
      text(empty).focus({ preventScroll: true });
      return;
    }
    const columns = Object.keys(rows[0] || {});
    const lines = [columns.join(",")].concat(rows.map((row, index) => {
      const filled = { ...row, decision: inEffect(articles[index]), alt: text(articles[index]).value };
      return columns.map((name) => cell(filled[name])).join(",");
    }));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = "captionkit-alt-reviewed.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    saved = true;
    progress.textContent = "The reviewed CSV was downloaded.";
  });
  window.addEventListener("beforeunload", (event) => { if (!saved) { event.preventDefault(); } });
  recall();
  articles.forEach(count);
  show();
})();
