/** What capabilities say of films is what the adapters make: no more, and no less. */

import { expect, test } from "vitest";
import type { ModelCapabilities } from "../../../src/protocol/model.ts";
import { FAL_MODELS } from "../../../src/providers/fal/models.ts";
import { GEMINI_VIDEO_MODELS } from "../../../src/providers/gemini/models.ts";
import * as gemini from "../../../src/providers/gemini/videos.ts";
import { MINIMAX_VIDEO_MODELS } from "../../../src/providers/minimax/models.ts";
import * as minimax from "../../../src/providers/minimax/videos.ts";
import { FILM_MODELS } from "../../../src/providers/openrouter/models.ts";
import * as openRouter from "../../../src/providers/openrouter/request.ts";
import { REPLICATE_MODELS } from "../../../src/providers/replicate/models.ts";
import { capabilitiesOf, inputOf } from "../../../src/providers/upstream/requests/model-table.ts";
import { requireFit } from "../../../src/tasks/model-fit.ts";
import type { MediaJob, StepIo } from "../../../src/tasks/ports/media-provider.ts";
import type { JobRequest } from "../../../src/tasks/task.ts";

type Film = {
  name: string;
  capabilities: ModelCapabilities;
  /** Begins the film as far as its bounds are looked at. Throws for what the model does not make. */
  begin(job: MediaJob): unknown;
};

const IO = { signal: new AbortController().signal } as StepIo;

const FILMS: readonly Film[] = [
  ...GEMINI_VIDEO_MODELS.map((model) => ({
    ...model,
    begin: (job: MediaJob) => gemini.videoBody(job, model, IO),
  })),
  ...MINIMAX_VIDEO_MODELS.map((model) => ({
    ...model,
    begin: (job: MediaJob) => minimax.shapeOf(job, model),
  })),
  ...FILM_MODELS.map((model) => ({
    ...model,
    begin: (job: MediaJob) => openRouter.openRouterFilmBody(job, model, IO),
  })),
  ...[...REPLICATE_MODELS, ...FAL_MODELS]
    .filter(({ type }) => type === "video")
    .map((model) => ({
      name: model.name,
      capabilities: capabilitiesOf(model),
      begin: (job: MediaJob) => inputOf(job, model, 1, IO),
    })),
];

function jobOf({ name }: Film, request: Partial<JobRequest>): MediaJob {
  return {
    taskId: "task",
    type: "video",
    model: name,
    request: { prompt: "a red boat", n: 1, ...request },
    attempt: 1,
    idempotencyKey: "task-1",
    inputs: [],
    credential: null,
    hookUrl: null,
  };
}

function isMade(film: Film, request: Partial<JobRequest>): boolean {
  try {
    film.begin(jobOf(film, request));
    return true;
  } catch {
    return false;
  }
}

function isAccepted({ capabilities }: Film, request: Partial<JobRequest>): boolean {
  try {
    requireFit(capabilities, { prompt: "a red boat", n: 1, ...request });
    return true;
  } catch {
    return false;
  }
}

test.each(FILMS.map((film) => [film.name, film] as const))(
  "%s: every duration from half a second to a minute is made if it is accepted, and accepted if it is made",
  (_, film) => {
    const other: number[] = [];
    for (let duration = 0.5; duration <= 60; duration += 0.5)
      if (isMade(film, { duration }) !== isAccepted(film, { duration })) other.push(duration);
    expect(other).toEqual([]);
    expect(film.capabilities.durations).not.toBeNull();
    expect(isMade(film, {})).toBe(true);
  },
);

test.each(FILMS.map((film) => [film.name, film] as const))("%s makes every size it lists", (_, film) => {
  const { sizes } = film.capabilities;
  const listed = sizes.kind === "listed" ? sizes.sizes : [sizes.default];
  expect(listed.filter((size) => !isMade(film, { size }))).toEqual([]);
});
