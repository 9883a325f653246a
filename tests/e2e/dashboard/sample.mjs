// A board with every state in it, and what differs in one stage: what the page
// is to look like when much is going on. `looks.mjs` holds it to the schemas
// that the proxy publishes.

const share = (mode, percent = 0) => ({ mode, percent });
const shadow = share("shadow", 100);
const split = (percent) => share("split", percent);
const times = (p50, p99) => ({ p50, p99 });
const up = (url, healthy = true) => ({ url, healthy });
const day = (time) => `2026-11-24T${time}Z`;

const traffic = ({ requests = {}, failures = {}, mirrored = {}, dropped = {}, seconds = {} }) => ({ requests, failures, mirrored, dropped, seconds });

const estimate = (value, low, high) => ({ value, low, high, sure: 0.99 });
const criterion = (name, unit, told, limit, gathered, needed, standing) => ({ name, unit, estimate: told, limit, gathered, needed, standing });

const steps = [
  { name: "shadow", share: shadow, confirm: false },
  ...[1, 5, 25, 50, 100].map((n) => ({ name: `${n} %`, share: split(n), confirm: n === 100 })),
  { name: "reverse-shadow", share: share("reverse-shadow", 100), confirm: false },
];
const rollout = (own) => ({ steps, at: null, evidence: "requests", explanation: null, needed: null, seconds_left: null, back_to: shadow, ...own });

/** Of each five minutes how many answers differed; null where nobody asked. */
const trend = (mismatches, answers = 220) =>
  mismatches.map((n, i) => ({ time: 1_795_000_000 + 300 * i, seconds: 300, answers: n === null ? 0 : answers, mismatches: n ?? 0, errors: 0 }));
const compared = (own) => ({ mismatches: 0, excused: 0, unavailable: {}, rate: null, monolith: null, candidate: null, trend: [], ...own });

const entry = (time, stage, from, to, who, why, judged = null) => ({ time, stage, from, to, by: who === "routes.toml" ? "file" : "admin", who, why, judged });
const history = [
  entry(day("14:02:11.402"), "inference", split(5), split(25), "rollout", "4,213 answers differ in 0.02 %, and with 99 % certainty in less than 0.09 %, under the limit of 0.10 %; errors and latency are within theirs.", "advance"),
  entry(day("13:47:30.001"), "deployment", split(25), shadow, "rollout", "41 of 8,113 answers differed, and with 99 % certainty more than 0.36 % do, over the limit of 0.10 %. All differ in /score, by at most 4.9e-4.", "rolled-back"),
  entry(day("12:20:00.120"), "monitoring", null, null, "anna", "the quarter closes tonight", "paused"),
  entry(day("09:12:44.881"), "preprocessing", share("monolith"), shadow, "anna", "first look"),
  entry(day("08:30:02.004"), "evaluation", shadow, split(50), "bo", "the nightly report reads both"),
  entry("2026-11-22T16:00:00.000Z", "ingestion", split(100), share("reverse-shadow", 100), "rollout", "The last step but one held for 41,220 answers, none of which differed.", "advance"),
  entry("2026-11-20T08:00:00.000Z", "training", null, share("monolith"), "routes.toml", "the file names the stage for the first time"),
];

function stage(name, own) {
  const last = history.find((one) => one.stage === name);
  const since = { time: last.time, by: last.by, who: last.who, why: last.why };
  return { name, candidate: [up("http://127.0.0.1:7001")], declared: own.now, since, compared: null, rollout: null, last, ...own, traffic: traffic(own.traffic) };
}

const stages = [
  stage("ingestion", {
    routes: ["POST /ingest"],
    now: share("reverse-shadow", 100),
    traffic: { requests: { candidate: 41_220 }, mirrored: { monolith: 41_220 }, seconds: { candidate: times(0.004, 0.011) } },
    compared: compared({ answers: 41_220, rate: estimate(0, 0, 0.0002), monolith: times(0.03, 0.08), candidate: times(0.004, 0.011), trend: trend(Array(40).fill(0)) }),
    rollout: rollout({
      at: 6, judged: "done", gathered: 41_220, actions: ["roll-back"],
      sentence: "Reverse-shadow is clean: none of 41,220 answers differed over 2 days. The monolith’s part can be retired.",
      criteria: [
        criterion("mismatch", "share", estimate(0, 0, 0.0002), 0.001, 41_220, null, "within"),
        criterion("latency-ratio", "ratio", estimate(0.14, 0.13, 0.15), 1.5, 41_220, null, "within"),
      ],
    }),
  }),
  stage("preprocessing", {
    routes: ["POST /prepare"],
    now: shadow,
    declared: share("monolith"),
    traffic: { requests: { monolith: 312 }, mirrored: { candidate: 312 }, seconds: { monolith: times(0.045, 0.21) } },
    compared: compared({ answers: 312, rate: estimate(0, 0, 0.0095), trend: trend([0, 0, null, null, 0, 0, 0], 40) }),
    rollout: rollout({
      at: 0, judged: "not-enough-evidence", gathered: 312, needed: 3_900, seconds_left: 21_600, back_to: share("monolith"), actions: ["pause", "advance", "roll-back"],
      sentence: "312 of about 3,900 answers gathered: none differed, but with so few up to 0.95 % could.",
      criteria: [
        criterion("mismatch", "share", estimate(0, 0, 0.0095), 0.001, 312, 3_900, "open"),
        criterion("latency-ratio", "ratio", { ...estimate(0.9, 0.4), high: null }, 1.5, 12, 400, "open"),
        criterion("errors", "share", null, 0.001, 0, null, "open"),
      ],
    }),
  }),
  stage("training", { routes: ["POST /train"], now: share("monolith"), candidate: [], traffic: { requests: { monolith: 14 } } }),
  stage("evaluation", {
    routes: ["GET /metrics/latest"],
    now: split(50),
    declared: shadow,
    candidate: [up("http://127.0.0.1:7004"), up("http://127.0.0.1:7005", false)],
    traffic: { requests: { monolith: 120, candidate: 118, fallback: 2, aborted: 1 }, failures: { candidate: 2 }, seconds: { monolith: times(0.61, 1.42), candidate: times(0.2, 0.55) } },
  }),
  stage("deployment", {
    routes: ["POST /models/{version}/deploy"],
    now: shadow,
    declared: split(25),
    traffic: {
      requests: { monolith: 6_021, candidate: 2_092, fallback: 3 }, failures: { candidate: 3 }, mirrored: { candidate: 8_113 },
      dropped: { memory: 12, "in-flight": 3 }, seconds: { monolith: times(0.04, 0.14), candidate: times(0.002, 0.009) },
    },
    compared: compared({
      answers: 8_113, mismatches: 41, excused: 12, unavailable: { "the candidate gave no answer": 3, "the body is too long": 7 }, rate: estimate(0.0051, 0.0036, 0.0068),
      monolith: times(0.04, 0.14), candidate: times(0.002, 0.009), trend: trend([0, 0, 1, 0, 0, 1, 0, 2, 1, 0, 3, 5, 6, 9, 8, 5]),
    }),
    rollout: rollout({
      judged: "rolled-back", gathered: 0, back_to: null, actions: ["resume"],
      sentence: "Rolled back from 25 % to shadow at 13:47: 41 of 8,113 answers differed, over the limit of 0.10 %.",
      explanation: "Rolled back deployment from 25 % to shadow at 13:47: 41 of 8,113 answers differed, and with 99 % certainty more than 0.36 % do, over your limit of 0.10 %. All differ in /score, by at most 4.9e-4. No client saw an error. Resume with cutline shift deployment 25 once the candidate is mended.",
      criteria: [
        criterion("mismatch", "share", estimate(0.0051, 0.0036, 0.0068), 0.001, 8_113, null, "over"),
        criterion("errors", "share", estimate(0.0004, 0.0001, 0.0009), 0.001, 8_113, null, "within"),
        criterion("label-flips", "share", estimate(0, 0, 0.0006), 0.002, 8_113, null, "within"),
      ],
    }),
  }),
  stage("inference", {
    routes: ["POST /predict", "POST /score"],
    now: split(25),
    declared: shadow,
    candidate: [up("http://127.0.0.1:7070"), up("http://127.0.0.1:7071")],
    traffic: {
      requests: { monolith: 41_220, candidate: 13_740, fallback: 12, refused: 0, aborted: 4 }, failures: { candidate: 12 },
      mirrored: { candidate: 8_113 }, dropped: { memory: 3 }, seconds: { monolith: times(0.04, 0.14), candidate: times(0.001, 0.003) },
    },
    compared: compared({
      answers: 8_113, mismatches: 2, excused: 8_111, unavailable: { "the candidate gave no answer": 12 }, rate: estimate(0.0002, 0, 0.0006),
      monolith: times(0.04, 0.14), candidate: times(0.001, 0.003), trend: trend([0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    }),
    rollout: rollout({
      at: 3, judged: "hold", gathered: 8_113, needed: 11_400, seconds_left: 2_400, actions: ["pause", "advance", "roll-back"],
      sentence: "0.02 % of 8,113 answers differ, and with 99 % certainty at most 0.06 %; latency is within its limit. It needs about 3,300 more answers before 50 %.",
      criteria: [
        criterion("mismatch", "share", estimate(0.0002, 0, 0.0006), 0.001, 8_113, null, "within"),
        criterion("errors", "share", estimate(0.0009, 0.0004, 0.0016), 0.001, 8_113, 11_400, "open"),
        criterion("latency-ratio", "ratio", estimate(0.03, 0.02, 0.04), 1.5, 8_113, null, "within"),
        criterion("label-flips", "share", estimate(0, 0, 0.0006), 0.002, 8_113, null, "within"),
        criterion("score-drift", "number", estimate(0.011, 0.004, 0.02), 0.1, 8_113, null, "within"),
      ],
    }),
  }),
  stage("monitoring", {
    routes: ["GET /drift"],
    now: split(50),
    traffic: { requests: { monolith: 700, candidate: 702 }, seconds: { monolith: times(0.012, 0.03), candidate: times(0.002, 0.004) } },
    compared: compared({ answers: 700, rate: estimate(0, 0, 0.004), monolith: times(0.012, 0.03), candidate: times(0.002, 0.004), trend: trend([0, 0, 0, 0, 0, 0]) }),
    rollout: rollout({
      at: 4, judged: "awaiting-confirmation", gathered: 700, needed: 700, actions: ["confirm", "pause", "roll-back"],
      sentence: "The evidence is enough for 100 %: none of 700 answers differed. The policy asks for a person’s word.",
      criteria: [criterion("mismatch", "share", estimate(0, 0, 0.0009), 0.001, 700, null, "within")],
    }),
  }),
];

export const board = {
  version: "0.1.0", started: "2026-11-20T08:00:00.000Z", listen: ["127.0.0.1:8080"], draining: false,
  file: { path: "routes.toml", refused: null, restart_for: [] },
  monolith: [up("http://127.0.0.1:5000")], stages, unowned: traffic({ requests: { monolith: 907, refused: 2 } }), history,
};

/** Nothing but a monolith. */
export const empty = { ...board, stages: [], history: [], unowned: traffic({}) };

/** All that can be wrong at once. */
export const wrong = {
  ...board,
  draining: true,
  file: {
    path: "routes.toml", restart_for: ["listen", "limits"],
    refused: { since: day("14:00:00.000"), message: "stage inference: candidate \"localhost:7070\" is not a URL", line: 14, column: 13, mend: "write http://localhost:7070, or https:// with a certificate" },
  },
  monolith: [up("http://127.0.0.1:5000", false)],
  stages: [stages[2], { ...stages[3], candidate: [up("http://127.0.0.1:7004", false)], last: null, since: null }],
};

const answer = (status, body, milliseconds, own) => ({ status, failure: null, content_type: "application/json", milliseconds, body, cut: false, ...own });
const body = (score, more = "") =>
  `{"label": 1, "score": ${score}, "customer": 10233, "plan": "basic", "features": {"age": 41, "income": 52000, "tenure": 31, "calls": 3}, "reasons": ["income", "tenure", "plan"], "model": "2026-11-01"${more}}`;
const example = (id, time, path, fields, monolith, candidate, request = null) => ({ id, time: day(time), method: "POST", path, request, fields, monolith, candidate });
const field = (path, count, own) => ({ path, count, how: null, largest: null, label_flips: null, noise: null, excerpts: [], examples: [], ...own });

export const differences = {
  stage: "inference",
  compared: stages[5].compared,
  sentence: "41 of 8,113 answers differ (0.51 %, 0.36–0.68 at 99 %), above the limit of 0.10 %",
  fields: [
    field("/score", 41, {
      how: "candidate rounds to 3 decimals; largest difference 4.9e-4; no label flips", largest: 4.9e-4, label_flips: 0,
      excerpts: [{ id: "5a5a000000000001", place: "/score", monolith: "0.33349", candidate: "0.333" }],
      examples: ["4f1c77a2b0c14e55", "88aa0172e9d94ab1"],
    }),
    field("/explanation", 3, { how: "missing in the candidate", examples: ["91b2aa01ff004c1d"] }),
    field("status", 2, { how: "no answer for 200", examples: ["c0ffee0102030405"] }),
    field("/served_at", 200, { noise: { asked: 200, differed: 200, looks_like: "a time" } }),
  ],
  remarks: ["the candidate’s answers are in gzip, the monolith’s are not"],
  predictions: {
    labels: 8_113, flipped: 3, flips: [{ from: "stays", to: "leaves", count: 2 }, { from: "leaves", to: "stays", count: 1 }],
    scores: 8_113, score_differences: [{ share: 0.5, value: 0 }, { share: 0.99, value: 0.00012 }, { share: 1, value: 0.00049 }],
  },
  examples: [
    example("4f1c77a2b0c14e55", "14:31:09.120", "/predict", ["/score"], answer(200, body("0.81734"), 41.2), answer(200, body("0.817"), 2.9), '{"customer": 10233}'),
    example("88aa0172e9d94ab1", "14:30:01.020", "/predict", ["/score"], answer(200, body("0.21049"), 39), answer(200, body("0.210"), 3.1)),
    example("91b2aa01ff004c1d", "14:12:55.999", "/score", ["/explanation"], answer(200, body("0.5", ', "explanation": "tenure under 3 years"'), 44), answer(200, body("0.5"), 2.2, { cut: true })),
    example("c0ffee0102030405", "14:10:00.000", "/score", ["status"], answer(200, body("0.5"), 44), answer(null, null, null, { content_type: null, failure: "the connection was closed before an answer" })),
  ],
};
