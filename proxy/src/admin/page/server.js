// What the page asks the proxy, and how it hears from it.

/** Why the proxy did not do something, and what to do about it. */
export class Refused extends Error {
  constructor(status, { cause, mend } = {}) {
    super(cause ?? `the proxy answered ${status}`);
    this.status = status;
    this.mend = mend ?? "look into the proxy's log";
  }
}

const GONE = { cause: "the proxy cannot be reached", mend: "see whether it runs; this page goes on trying" };

/** The answer's document. What changes anything says that it is this page that asks. */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      cache: "no-store",
      headers: { "x-cutline-page": "1", ...(body && { "content-type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, GONE);
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, said ?? {});
  return said;
}

export const change = (stage, wish) => ask("POST", `/api/stages/${encodeURIComponent(stage)}`, wish);
export const steer = (stage, wish) => ask("POST", `/api/stages/${encodeURIComponent(stage)}/rollout`, wish);
export const differences = (stage) => ask("GET", `/api/differences?stage=${encodeURIComponent(stage)}`);

/** Without a word for so long, in milliseconds, the connection is held to be dead. */
const SILENCE = 12_000;
const AGAIN = [500, 1_000, 2_000, 4_000];

/**
 * Hears the board whenever it changes, for as long as it takes: a connection
 * that ends is made again. `hears` is told `board` with the document, `live`,
 * `lost` with the reason, or `out` where nobody is logged in. Returns what ends
 * it.
 */
export function listen(hears) {
  let source = null;
  let timer = null;
  let tries = 0;
  let over = false;

  const quiet = () => {
    clearTimeout(timer);
    timer = setTimeout(() => lost("it has said nothing for a while"), SILENCE);
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const lost = async (why) => {
    close();
    // An event source does not tell why it was refused; asking does.
    const said = await ask("GET", "/api/board").catch((refused) => refused);
    if (over) return;
    if (said.status === 401) return hears("out");
    if (!(said instanceof Refused)) hears("board", said);
    hears("lost", said instanceof Refused ? said.message : why);
    timer = setTimeout(open, AGAIN[Math.min(tries, AGAIN.length - 1)]);
    tries += 1;
  };
  const open = () => {
    source = new EventSource("/api/live");
    quiet();
    source.addEventListener("board", (event) => {
      tries = 0;
      quiet();
      hears("board", JSON.parse(event.data));
    });
    source.addEventListener("beat", quiet);
    source.addEventListener("end", () => lost("it is shutting down"));
    source.addEventListener("error", () => lost("the connection broke"));
  };
  open();
  return () => {
    over = true;
    close();
  };
}
