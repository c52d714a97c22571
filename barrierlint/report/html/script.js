"use strict";
(() => {
  const articles = [...document.querySelectorAll("article")];
  const at = new Map();
  let current = 0;

  const steps = (article) => [...article.querySelectorAll(".steps li")];
  const holds = (element, n) => element.dataset.n.split(" ").includes(String(n));

  function show(article, n) {
    const all = steps(article);
    if (n < 1 || n > all.length) return;
    at.set(article, n);
    for (const element of article.querySelectorAll("[data-n]")) element.classList.toggle("now", holds(element, n));
    article.querySelector(".walk output").textContent = `step ${n} of ${all.length}`;
    for (const element of article.querySelectorAll(".source .now, .steps .now")) element.scrollIntoView({ block: "nearest" });
  }

  function go(index) {
    if (!articles.length) return;
    current = Math.min(Math.max(index, 0), articles.length - 1);
    articles[current].focus({ preventScroll: true });
    articles[current].scrollIntoView({ block: "start" });
  }

  function draw(source) {
    source.querySelector(".drawn")?.remove();
    const badges = [...source.querySelectorAll(".badge")].sort((a, b) => a.textContent - b.textContent);
    if (badges.length < 2) return;
    const origin = source.getBoundingClientRect();
    const points = badges.map((badge) => {
      const box = badge.getBoundingClientRect();
      return [box.left - origin.left + box.width / 2, box.top - origin.top + box.height / 2];
    });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "drawn");
    svg.setAttribute("width", "1");
    svg.setAttribute("height", "1");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const bent = points.slice(1).map(([x, y], at) => {
      const [x0, y0] = points[at];
      const side = Math.min(x0, x) - Math.min(6 + Math.abs(y - y0) / 12, 14);
      return `C${side.toFixed(1)},${y0.toFixed(1)} ${side.toFixed(1)},${y.toFixed(1)} ${x.toFixed(1)},${y.toFixed(1)}`;
    });
    path.setAttribute("d", `M${points[0].map((n) => n.toFixed(1)).join(",")} ${bent.join(" ")}`);
    svg.append(path);
    source.append(svg);
  }

  const redraw = () => document.querySelectorAll(".source").forEach(draw);
  addEventListener("resize", redraw);
  redraw();

  articles.forEach((article, index) => {
    article.addEventListener("focusin", () => { current = index; });
    article.addEventListener("click", (event) => {
      current = index;
      const button = event.target.closest("[data-step]");
      const step = event.target.closest("[data-n]");
      if (button) show(article, (at.get(article) ?? 0) + Number(button.dataset.step));
      else if (step && !event.target.closest("a")) show(article, Number(step.dataset.n.split(" ")[0]));
      if (event.target.closest(".copy")) copy(event.target.closest(".copy"));
    });
  });

  function copy(button) {
    const text = button.parentElement.querySelector("pre");
    const done = () => { button.textContent = "Copied"; };
    const select = () => getSelection().selectAllChildren(text);
    if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(done, select);
    else select();
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !articles.length) return;
    const article = articles[current];
    if (event.key === "j") go(document.activeElement === article ? current + 1 : current);
    else if (event.key === "k") go(current - 1);
    else if (event.key === "ArrowRight" || event.key === "n") show(article, (at.get(article) ?? 0) + 1);
    else if (event.key === "ArrowLeft" || event.key === "p") show(article, (at.get(article) ?? 2) - 1);
    else return;
    event.preventDefault();
  });
})();
