// One event stream for all tabs of a browser: it opens six connections to a host, and a stream holds one for good.
// The tab that has the lock has the stream, and passes on what it hears; when it goes, the next one takes over. Where a browser cannot
// do that (no locks without a secure context), each tab that is seen has its own.

const NAME = "trimtab-events";
const KINDS = ["beat", "gap", "slice", "case", "change", "system", "alert", "objectives", "clouds", "anomalies", "change-points", "infrastructure", "forecasts", "patterns", "capacity", "status"];
const SILENCE_MS = 40_000;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 30_000;
const HIDDEN_MS = 60_000;
const HIDDEN_ALONE_MS = 3_000;

/** @typedef {(kind: string, data: string) => void} Hear what comes: kinds of events, and "open", "here" (it is open elsewhere), "lost" */

/** @type {Hear} */
let hear = () => {};
let address = "";
/** @type {EventSource | null} */
let source = null;
/** @type {BroadcastChannel | null} */
let channel = null;
/** @type {AbortController | null} */
let turn = null;
let giveUp = () => {};
let joined = false;
let heardMs = 0;
let waitMs = WAIT_MS_MIN;
let retry = 0;
let hidden = 0;

const isShared = navigator.locks !== undefined && typeof BroadcastChannel === "function";

/** Here and in the other tabs. @param {string} kind @param {string} [data] */
function say(kind, data = "") {
  heardMs = Date.now();
  channel?.postMessage({ kind, data });
  hear(kind, data);
}

function connect() {
  disconnect();
  const stream = new EventSource(address);
  source = stream;
  stream.addEventListener("open", () => {
    waitMs = WAIT_MS_MIN;
    say("open");
  });
  stream.addEventListener("error", () => {
    stream.close();
    if (source === stream) again();
  });
  for (const kind of KINDS) stream.addEventListener(kind, (event) => say(kind, /** @type {MessageEvent} */ (event).data));
}

/** Try again after a while that doubles. */
function again() {
  say("lost");
  window.clearTimeout(retry);
  retry = window.setTimeout(connect, waitMs * (0.75 + Math.random() / 2));
  waitMs = Math.min(waitMs * 2, WAIT_MS_MAX);
}

function disconnect() {
  window.clearTimeout(retry);
  source?.close();
  source = null;
}

/** Have the stream as soon as no other tab has it; `steal` takes it from one that is stuck. @param {boolean} [steal] */
function lead(steal = false) {
  const mine = new AbortController();
  turn = mine;
  navigator.locks
    .request(NAME, steal ? { steal } : { signal: mine.signal }, () => {
      if (turn !== mine) return Promise.resolve();
      connect();
      return /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          giveUp = resolve;
        })
      );
    })
    .catch(() => {
      if (turn !== mine) return; // this tab went by itself
      disconnect();
      lead(); // another took it: wait until that one goes
    });
}

/** @param {MessageEvent<{kind: string, data: string}>} event */
function onWord({ data: { kind, data } }) {
  if (kind === "hello") {
    if (source?.readyState === EventSource.OPEN) channel?.postMessage({ kind: "here", data: "" });
    return;
  }
  heardMs = Date.now();
  if (!source) hear(kind, data);
}

function join() {
  if (joined) return;
  joined = true;
  heardMs = Date.now();
  if (!isShared) {
    connect();
    return;
  }
  channel = new BroadcastChannel(NAME);
  channel.onmessage = onWord;
  channel.postMessage({ kind: "hello", data: "" });
  lead();
}

function leave() {
  joined = false;
  turn?.abort();
  turn = null;
  giveUp();
  disconnect();
  channel?.close();
  channel = null;
}

/** A tab that nobody sees for a while needs no stream. */
function onVisibility() {
  window.clearTimeout(hidden);
  if (document.hidden) hidden = window.setTimeout(leave, isShared ? HIDDEN_MS : HIDDEN_ALONE_MS);
  else join();
}

/** Nothing was heard for too long, not even a beat. */
function onSilence() {
  if (!joined || Date.now() - heardMs < SILENCE_MS) return;
  heardMs = Date.now();
  if (turn === null || source) {
    source?.close();
    again();
  } else {
    turn.abort();
    lead(true);
  }
}

/** Begin to listen. @param {string} from the stream's address @param {Hear} hearer */
export function startStream(from, hearer) {
  address = from;
  hear = hearer;
  join();
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) join();
  });
  setInterval(onSilence, 5_000);
}
