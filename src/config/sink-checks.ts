/** Whether the settings of `events.sink` fit together, and its headers can be sent. */

import type { NameOf, Problem } from "./problem.ts";
import type { Settings } from "./schema.ts";

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Headers that the sender writes itself, or that are the connection's. */
const OWN_HEADERS = new Set([
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers that cannot be sent, and settings of a sink that has no address. */
export function checkSink({ events }: Pick<Settings, "events">, nameOf: NameOf): Problem[] {
  const { url, headers, types } = events.sink;
  const problems = Object.keys(headers)
    .filter((name) => !HEADER_NAME.test(name) || OWN_HEADERS.has(name.toLowerCase()))
    .map(
      (name): Problem => ({
        name: nameOf("events", "sink", "headers", name),
        expected: `the name of a header other than ${[...OWN_HEADERS].join(", ")}`,
        came: name,
      }),
    );
  if (url !== null) return problems;
  const [header] = Object.keys(headers);
  const given = header === undefined ? types !== null && ["types"] : ["headers", header];
  if (given !== false)
    problems.push({
      name: nameOf("events", "sink", ...given),
      expected: `${nameOf("events", "sink", "url")} beside it`,
      came: "none",
    });
  return problems;
}
