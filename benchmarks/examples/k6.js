// The same load by k6:  k6 run -e URL=http://127.0.0.1:3456 -e MODEL=chat benchmarks/examples/k6.js
// k6 reads a whole answer before a script sees it: `waiting` is its time to the first byte, which
// firsttoken sends with the first token.
import http from "k6/http";
import { check } from "k6";
import { Trend } from "k6/metrics";

const firstToken = new Trend("first_token", true);

export const options = {
  scenarios: {
    steady: { executor: "constant-arrival-rate", rate: 50, timeUnit: "1s", duration: "60s",
              preAllocatedVUs: 100, maxVUs: 1000 },
  },
  thresholds: { first_token: ["p(99)<500"], checks: ["rate>0.999"] },
};

export default function () {
  const body = JSON.stringify({
    model: __ENV.MODEL || "chat",
    stream: true,
    messages: [{ role: "user", content: `Question ${__ITER} about bridges.` }],
  });
  const answer = http.post(`${__ENV.URL || "http://127.0.0.1:3456"}/v1/chat/completions`, body, {
    headers: { "Content-Type": "application/json" },
  });
  firstToken.add(answer.timings.waiting);
  check(answer, {
    "status is 200": (r) => r.status === 200,
    "the stream is complete": (r) => r.body.trimEnd().endsWith("data: [DONE]"),
  });
}
