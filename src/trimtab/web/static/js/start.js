// The one script that a page brings along. All others are fetched when the page was painted: on a machine that is short of
// processors they would delay what a person came to see. The page names them: `<meta name="tt-library">` for what is no module,
// `tt-module` for what may be fetched at once, `tt-start` for what is run.

const PATIENCE_MS = 1000;

/** When something of the page was seen; at once in a tab that nobody looks at, which is not painted. @returns {Promise<unknown>} */
function painted() {
  if (document.hidden || !PerformanceObserver.supportedEntryTypes.includes("paint")) return Promise.resolve();
  return new Promise((done) => {
    const observer = new PerformanceObserver((found) => {
      if (found.getEntriesByName("first-contentful-paint").length) done(observer.disconnect());
    });
    observer.observe({ type: "paint", buffered: true });
    setTimeout(done, PATIENCE_MS);
  });
}

/** @param {string} name @returns {string[]} */
function named(name) {
  return [...document.querySelectorAll(`meta[name="${name}"]`)].map((meta) => meta.getAttribute("content") ?? "");
}

/** @param {string} href */
function fetchSoon(href) {
  document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
}

/** Run a library; one that cannot be had keeps nothing else from running. @param {string} src @returns {Promise<unknown>} */
function run(src) {
  const script = Object.assign(document.createElement("script"), { src, async: false });
  const ended = new Promise((done) => {
    script.addEventListener("load", done);
    script.addEventListener("error", done);
  });
  document.head.append(script);
  return ended;
}

await painted();
const libraries = named("tt-library").map(run);
named("tt-module").forEach(fetchSoon);
await Promise.all(libraries);
for (const module of named("tt-start")) await import(module);
document.documentElement.dataset.ready = ""; // keys, regions, charts and the stream work from here on

export {};
