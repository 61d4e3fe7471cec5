/** The session there is: whose turn it is, how loud both sides are, what it costs; and the buttons for it. */

import type { TurnState } from "../../client/voice/index.ts";
import { useNow } from "../data/use-now.ts";
import { dollarsText, durationWords } from "../design/format.ts";
import { Icon } from "../design/icon.tsx";
import { Notice } from "../design/notice.tsx";
import { Chip, type Tone } from "../design/status-chip.tsx";
import { LevelMeter } from "./level-meter.tsx";
import type { TalkState, VoiceTalk } from "./voice-talk.ts";

const TURNS: Readonly<Record<TurnState, [Tone, string]>> = {
  idle: ["good", "Waiting for you"],
  listening: ["busy", "Listening"],
  thinking: ["busy", "Thinking"],
  speaking: ["good", "Speaking"],
};

export type TalkPanelProps = {
  talk: VoiceTalk;
  state: TalkState;
  onStart(): void;
};

export function TalkPanel({ talk, state, onStart }: TalkPanelProps) {
  const { phase, turn, isMuted, problem, notes } = state;
  const isOn = phase === "on";
  return (
    <section className="stack" aria-label="Session">
      <div className="row apart">
        <div role="status">
          <TalkChip state={state} />
        </div>
        <div className="row">
          {phase === "off" ? (
            <button className="button main" type="button" onClick={onStart}>
              <Icon name="voice" />
              Start
            </button>
          ) : (
            <button className="button danger" type="button" onClick={() => void talk.stop()}>
              Stop
            </button>
          )}
          <button
            className="button"
            type="button"
            aria-pressed={isMuted}
            disabled={phase === "off"}
            onClick={() => talk.mute(!isMuted)}
          >
            {isMuted ? "Unmute" : "Mute"}
          </button>
          <button
            className="button"
            type="button"
            disabled={!isOn || (turn !== "speaking" && turn !== "thinking")}
            onClick={() => talk.interrupt()}
          >
            Interrupt
          </button>
        </div>
      </div>
      {problem !== null && <Notice tone="bad">{problem}</Notice>}
      {notes.map((note) => (
        <Notice key={note} tone="warn">
          {note}
        </Notice>
      ))}
      <div className="levels">
        <LevelMeter talk={talk} side="input" label="Microphone" />
        <LevelMeter talk={talk} side="output" label="Answer" />
      </div>
      <Spent state={state} />
    </section>
  );
}

function TalkChip({ state: { phase, turn, wasInterrupted, isMuted } }: { state: TalkState }) {
  if (phase === "off") return <Chip tone="plain">No session</Chip>;
  if (phase === "starting") return <Chip tone="warn">Starting…</Chip>;
  if (phase === "restoring") return <Chip tone="warn">Connecting again…</Chip>;
  if (wasInterrupted) return <Chip tone="warn">Interrupted, listening</Chip>;
  const [tone, word] = TURNS[turn];
  return <Chip tone={tone}>{isMuted && turn === "idle" ? "Muted" : word}</Chip>;
}

function Spent({ state: { phase, spent, startedAt, endedAt } }: { state: TalkState }) {
  const now = useNow(phase === "on" || phase === "restoring");
  if (startedAt === null) return null;
  const used = Object.entries(spent?.usage ?? {}).filter(([, amount]) => amount > 0);
  return (
    <div className="stack tight">
      <dl className="facts">
        <div>
          <dt>Cost so far</dt>
          <dd>{spent === null ? "told after the first answer" : dollarsText(spent.cost)}</dd>
        </div>
        <div>
          <dt>Lasted</dt>
          <dd>{durationWords((endedAt ?? Math.max(now, startedAt)) - startedAt)}</dd>
        </div>
      </dl>
      {used.length > 0 && (
        <details className="details">
          <summary>Usage</summary>
          <dl className="facts">
            {used.map(([name, amount]) => (
              <div key={name}>
                <dt>{counterName(name)}</dt>
                <dd>{counterText(name, amount)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </div>
  );
}

/** `audioInMs` as `audio in`. */
function counterName(name: string): string {
  return name
    .replace(/Ms$/, "")
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .trim();
}

function counterText(name: string, amount: number): string {
  return name.endsWith("Ms") ? durationWords(amount) : amount.toLocaleString();
}
