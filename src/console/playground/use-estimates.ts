/** What a run may cost and how long it will usually take, asked for while the form is filled in. */

import { useEffect, useState } from "react";
import { type RunRequest, StatusError } from "../../client/index.ts";
import type { WireEstimate } from "../../protocol/model.ts";
import { useSession } from "../shell/session.ts";
import type { Request } from "./request-body.ts";

/** Of one model. */
export type Estimated =
  | { model: string; estimate: WireEstimate }
  | { model: string; refused: string; param: string | null };

/** After the last change. */
const PAUSE_MS = 300;
/** Stands in for a file: an estimate counts pictures and does not look into them. */
const ANY_PICTURE = "data:image/png;base64,iVBORw0KGgo=";
const ANY_PROMPT = "…";

/** Null until the first answers have come. */
export function useEstimates(requests: readonly Request[]): readonly Estimated[] | null {
  const { client } = useSession();
  const [estimates, setEstimates] = useState<readonly Estimated[] | null>(null);
  const asked = JSON.stringify(requests.map(questionOf));
  useEffect(() => {
    const leaving = new AbortController();
    const ask = async () => {
      const questions = JSON.parse(asked) as RunRequest[];
      const answers = questions.map(async (question): Promise<Estimated> => {
        const { model } = question;
        try {
          return {
            model,
            estimate: await client.estimate(question, { signal: leaving.signal, maxRetries: 0 }),
          };
        } catch (error) {
          const param = error instanceof StatusError ? error.param : null;
          return { model, refused: error instanceof Error ? error.message : String(error), param };
        }
      });
      const all = await Promise.all(answers);
      if (!leaving.signal.aborted) setEstimates(all);
    };
    const timer = setTimeout(() => void ask(), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [client, asked]);
  return estimates;
}

function questionOf({ type, body }: Request): Record<string, unknown> {
  const fields = Object.entries(body).map(([name, value]) => [
    name,
    value instanceof File
      ? ANY_PICTURE
      : Array.isArray(value)
        ? value.map((item) => (item instanceof File ? ANY_PICTURE : item))
        : value,
  ]);
  const question = Object.fromEntries(fields) as Record<string, unknown>;
  return { ...question, type, prompt: body.prompt.trim() === "" ? ANY_PROMPT : body.prompt };
}
