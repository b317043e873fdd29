// The live figures, once a second, with those of the minutes before the page was opened.

const KEPT = 300;

export const history = [];
const watchers = new Set();
let source = null;
let state = "connecting";

export function watch(handler) {
  watchers.add(handler);
  if (source === null) open();
  handler(history[history.length - 1] ?? null, state);
  return () => watchers.delete(handler);
}

export function close() {
  source?.close();
  source = null;
  watchers.clear();
  history.length = 0;
}

function open() {
  source = new EventSource("/api/live");
  source.addEventListener("past", (event) => {
    history.length = 0;
    const { seconds } = JSON.parse(event.data);
    const since = seconds.findIndex((one) => one.requests_per_s > 0);
    if (since >= 0) history.push(...seconds.slice(since));
  });
  source.onmessage = (event) => {
    state = "live";
    const figures = JSON.parse(event.data);
    history.push(figures);
    if (history.length > KEPT) history.shift();
    tell(figures);
  };
  source.onerror = () => {
    state = "lost";
    tell(history[history.length - 1] ?? null);
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => {
        if (source === null && watchers.size) open();
      }, 3000);
    }
  };
}

function tell(figures) {
  for (const handler of [...watchers]) handler(figures, state);
}
