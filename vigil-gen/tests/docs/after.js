(async () => {
  const query = document.getElementById("query");
  const kind = document.getElementById("kind");
  const namespace = document.getElementById("namespace");
  const seen = () => [...document.querySelectorAll("article")].filter((it) => it.checkVisibility());
  const names = () => seen().map((it) => it.dataset.name);
  const set = (field, value) => {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const press = (target, key) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const moment = () => new Promise((done) => setTimeout(done, 50));
  const report = {};

  press(document.body, "/");
  report["slash focuses"] = document.activeElement === query;

  const keys = [...document.querySelectorAll('article[data-kind~="attribute"]')].map((it) => it.id);
  report.attributes = keys.length;
  report.lost = keys.filter((id) => {
    set(query, id.replace("attribute-", "").toUpperCase());
    return !document.getElementById(id).checkVisibility();
  });

  set(query, "no convention says this");
  report.nothing = {
    shown: seen().length,
    said: document.getElementById("nothing").checkVisibility(),
    count: document.getElementById("count").textContent,
  };
  press(query, "Escape");
  report.escape = seen().length;

  set(kind, "metric");
  set(namespace, "life");
  report["metrics of life"] = names();
  set(namespace, "");
  set(kind, "enum");
  report.enums = seen().length;

  set(query, "no convention says this");
  const link = document.querySelector('article[data-kind="span"]').id;
  location.hash = "#" + link;
  await moment();
  report["link through a filter"] = {
    shown: document.getElementById(link).checkVisibility(),
    query: query.value,
  };

  const drawn = [...document.querySelectorAll("#tree .node > a")];
  report.tree = [...new Set(drawn.map((it) => it.getAttribute("href").replace("#span-", "")))].sort();
  report.unlabelled = [...document.querySelectorAll("input, select")]
    .filter((it) => !it.labels.length)
    .map((it) => it.id);

  // Text against what is behind it, as WCAG has it: 4.5 to 1 at least.
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((it) => {
      const part = it / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = new Set();
  for (const element of document.querySelectorAll("main *, header *, form *")) {
    if (![...element.childNodes].some((it) => it.nodeType === 3 && it.data.trim())) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.add(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
  }
  report.faint = [...faint];

  // What is too wide for the window, and sentences that run into each other.
  report.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  report.glued = [...document.querySelectorAll("main td p + p")]
    .filter((it) => {
      const before = [...it.previousElementSibling.getClientRects()].pop();
      const after = it.getClientRects()[0];
      return before && after && after.top < before.bottom && after.left - before.right < 2;
    })
    .map((it) => it.parentElement.textContent);

  report.width = innerWidth;
  report.requests = performance.getEntriesByType("resource").length;
  report.errors = errors;
  document.body.dataset.report = JSON.stringify(report);
})();
