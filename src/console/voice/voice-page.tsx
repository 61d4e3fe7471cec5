/** A spoken conversation with a voice model, by the microphone and the speaker of this page. */

import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { RealtimeVoice, type VoiceSessionFields } from "../../client/voice/index.ts";
import type { WireModel, WireVoiceModel } from "../../protocol/model.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Empty, LoadProblem } from "../design/notice.tsx";
import { useSession } from "../shell/session.ts";
import { TalkPanel } from "./talk-panel.tsx";
import { TranscriptCard } from "./transcript.tsx";
import { type VoiceSetup, VoiceSetupForm } from "./voice-setup.tsx";
import { VoiceTalk } from "./voice-talk.ts";

/** Providers that write down what a user says take it as a wish, and those that always do pass it over. */
const TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe";
const SETUP: VoiceSetup = { model: "", voice: "", instructions: "", transcribes: true };

export function VoicePage() {
  const { client } = useSession();
  const load = useCallback((signal: AbortSignal) => client.models.list({ signal }), [client]);
  const { data, error, reload } = useLoaded(load);
  const models = useMemo(() => (data ?? []).filter(isVoice), [data]);
  return (
    <>
      <h1>Voice</h1>
      {error !== null && data === null && <LoadProblem what="The models" error={error} onRetry={reload} />}
      {data !== null && models.length === 0 && (
        <Empty title="No voice models">This key may use no model that speaks.</Empty>
      )}
      {models.length > 0 && <Talk models={models} />}
    </>
  );
}

function Talk({ models }: { models: readonly WireVoiceModel[] }) {
  const { virtualKey, baseUrl } = useSession();
  const [talk] = useState(() => new VoiceTalk());
  const [setup, setSetup] = useState<VoiceSetup>({ ...SETUP, model: models[0]?.id ?? "" });
  const state = useSyncExternalStore(talk.listen, talk.state);
  // Who leaves the page leaves the talk.
  useEffect(() => () => void talk.stop(), [talk]);
  const start = () => {
    const workletUrl = workletAddress();
    const { model } = setup;
    void talk.start(
      new RealtimeVoice({
        virtualKey,
        baseUrl,
        model,
        session: sessionOf(setup),
        ...(workletUrl && { workletUrl }),
      }),
    );
  };
  return (
    <div className="voice">
      <div className="card padded stack">
        <VoiceSetupForm
          models={models}
          setup={setup}
          disabled={state.phase !== "off"}
          onChange={(change) => setSetup((before) => ({ ...before, ...change }))}
        />
        <TalkPanel talk={talk} state={state} onStart={start} />
      </div>
      <TranscriptCard lines={state.lines} />
    </div>
  );
}

/** Where the program of the audio thread is, as the document names it: the page's policy admits no blob. */
function workletAddress(): string | undefined {
  return document.querySelector<HTMLMetaElement>('meta[name="voice-worklet"]')?.content;
}

function sessionOf({ voice, instructions, transcribes }: VoiceSetup): VoiceSessionFields {
  const told = instructions.trim();
  return {
    ...(told !== "" && { instructions: told }),
    audio: {
      ...(transcribes && { input: { transcription: { model: TRANSCRIPTION_MODEL } } }),
      ...(voice !== "" && { output: { voice } }),
    },
  };
}

/** By their own names. */
function isVoice(model: WireModel | WireVoiceModel): model is WireVoiceModel {
  return model.capabilities.type === "realtime" && model.aliasOf === null;
}
