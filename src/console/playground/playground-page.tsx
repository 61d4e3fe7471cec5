/** The playground: a form made of what the chosen models take, and what came of it. */

import {
  type KeyboardEvent,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { WireModel, WireVoiceModel } from "../../protocol/model.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { FormField } from "../design/field.tsx";
import { momentText } from "../design/format.ts";
import { Empty, LoadProblem, Notice } from "../design/notice.tsx";
import type { PageProps } from "../shell/page.ts";
import { goTo, hrefOf } from "../shell/route.ts";
import { useSession } from "../shell/session.ts";
import { ModelPicker } from "./model-picker.tsx";
import { ParameterField } from "./parameter-field.tsx";
import { sharedParameters } from "./parameters.ts";
import { type PlaygroundStore, playgroundOf, type Run } from "./playground-store.ts";
import { enteredOf, runRequestOf } from "./request-body.ts";
import { RunCard } from "./run-card.tsx";
import { RunRow } from "./run-row.tsx";
import { useEstimates } from "./use-estimates.ts";

const EXAMPLE_PROMPT = "a fox crossing a snowy forest at night";

export function PlaygroundPage({ route }: PageProps) {
  const { client } = useSession();
  const store = playgroundOf(client);
  const { runs } = useSyncExternalStore(store.listen, store.state);
  const load = useCallback((signal: AbortSignal) => client.models.list({ signal }), [client]);
  const { data, error, reload } = useLoaded(load);
  const models = useMemo(() => (data ?? []).filter(isMedia), [data]);
  usePrefill(store, route.query.get("from"));
  return (
    <>
      <h1>Playground</h1>
      {error !== null && data === null && <LoadProblem what="The models" error={error} onRetry={reload} />}
      {data !== null && models.length === 0 && (
        <Empty title="No models">This key may use no model that makes pictures or films.</Empty>
      )}
      {models.length > 0 && (
        <div className="playground">
          <PlaygroundForm store={store} models={models} />
          <Runs runs={runs} />
        </div>
      )}
    </>
  );
}

/** Enters what an earlier task was asked for, once, and takes that out of the address. */
function usePrefill(store: PlaygroundStore, taskId: string | null): void {
  const { client } = useSession();
  useEffect(() => {
    if (taskId === null) return;
    const leaving = new AbortController();
    client.tasks.get(taskId, { signal: leaving.signal }).then(
      ({ request }) => {
        if (request !== undefined) store.change({ ...enteredOf(request), models: [request.model] });
        goTo(hrefOf(""));
      },
      () => {
        if (!leaving.signal.aborted) goTo(hrefOf(""));
      },
    );
    return () => leaving.abort();
  }, [client, store, taskId]);
}

function PlaygroundForm({ store, models }: { store: PlaygroundStore; models: readonly WireModel[] }) {
  const state = useSyncExternalStore(store.listen, store.state);
  const { prompt, values, pictures } = state;
  const [tried, setTried] = useState(false);
  const picked = useMemo(() => pickedOf(models, state.models), [models, state.models]);
  const parameters = useMemo(() => sharedParameters(picked), [picked]);
  const made = useMemo(
    () => picked.map((model) => runRequestOf(model, { prompt, values, pictures })),
    [picked, prompt, values, pictures],
  );
  const requests = useMemo(() => made.map(({ request }) => request), [made]);
  const estimates = useEstimates(requests);
  const problems: Record<string, string> = Object.assign({}, ...made.map((one) => one.problems));
  for (const answer of estimates ?? [])
    if ("refused" in answer && answer.param !== null)
      problems[answer.param] ??= picked.length > 1 ? `${answer.model}: ${answer.refused}` : answer.refused;
  const noPrompt = prompt.trim() === "";

  const run = () => {
    setTried(true);
    if (noPrompt || picked.length === 0 || made.some((one) => Object.keys(one.problems).length > 0)) return;
    store.run(requests);
    setTried(false);
  };
  const runByKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  };
  const fields = (advanced: boolean) =>
    parameters
      .filter((parameter) => parameter.advanced === advanced)
      .map((parameter) => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          value={values[parameter.name] ?? ""}
          pictures={pictures[parameter.name] ?? []}
          problem={problems[parameter.name] ?? null}
          onValue={(value) => store.setValue(parameter.name, value)}
          onPictures={(chosen) => store.setPictures(parameter.name, chosen)}
        />
      ));
  const hidden = parameters.some(({ advanced, name }) => advanced && problems[name] !== undefined);
  return (
    <form
      className="card padded stack"
      aria-label="What to make"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <ModelPicker
        models={models}
        picked={picked.map(({ id }) => id)}
        onPick={(ids) => store.change({ models: ids })}
      />
      {picked.length === 0 && <Notice tone="warn">Pick a model.</Notice>}
      <FormField
        label="Prompt"
        hint="Ctrl+Enter runs it."
        problem={tried && noPrompt ? "Say what is to be made." : (problems.prompt ?? null)}
      >
        {(control) => (
          <textarea
            {...control}
            className="input"
            placeholder={EXAMPLE_PROMPT}
            value={prompt}
            onChange={({ target }) => store.change({ prompt: target.value })}
            onKeyDown={runByKey}
          />
        )}
      </FormField>
      <div className="parameters">{fields(false)}</div>
      {parameters.some(({ advanced }) => advanced) && (
        <details className="details" open={hidden || undefined}>
          <summary>More settings</summary>
          <div className="parameters">{fields(true)}</div>
        </details>
      )}
      <RunRow estimates={estimates} models={picked.length} runs={state.runs.length} />
    </form>
  );
}

function Runs({ runs }: { runs: readonly Run[] }) {
  const newest = useRef<HTMLDivElement>(null);
  const [first] = useState(runs[0]?.id);
  const last = runs[0]?.id;
  // On a phone they are below the form.
  useEffect(() => {
    if (last !== first) newest.current?.scrollIntoView({ block: "nearest" });
  }, [last, first]);
  if (runs.length === 0)
    return (
      <div className="card">
        <Empty title="Nothing was run yet">
          What you run appears here as it is made, several models side by side. It is kept on the page of
          tasks.
        </Empty>
      </div>
    );
  return (
    <section className="stack" aria-label="Runs" aria-live="off">
      {runs.map(({ id, at, tasks }) => (
        <div className="run" key={id} ref={id === last ? newest : null}>
          <p className="small-text muted">
            {momentText(at)} · {tasks[0]?.request.body.prompt}
          </p>
          <div className="run-tasks">
            {tasks.map((task) => (
              <RunCard key={task.key} task={task} startedAt={at} />
            ))}
          </div>
        </div>
      ))}
    </section>
  );
}

/** The chosen models that there are; the first of all where none was ever chosen. */
function pickedOf(models: readonly WireModel[], ids: readonly string[] | null): readonly WireModel[] {
  if (ids === null) return models.slice(0, 1);
  return ids.map((id) => models.find((model) => model.id === id)).filter((model) => model !== undefined);
}

/** Those that make pictures and films, by their own names. */
function isMedia(model: WireModel | WireVoiceModel): model is WireModel {
  return model.capabilities.type !== "realtime" && model.aliasOf === null;
}
