/** How loud one side is. */

import { useId, useSyncExternalStore } from "react";
import { meterPercent } from "./meter-percent.ts";
import type { TalkLevels, VoiceTalk } from "./voice-talk.ts";

export type LevelMeterProps = { talk: VoiceTalk; side: keyof TalkLevels; label: string };

export function LevelMeter({ talk, side, label }: LevelMeterProps) {
  const id = useId();
  const percent = useSyncExternalStore(talk.listenToLevels, () => meterPercent(talk.levels()[side]));
  return (
    <div className="level">
      <label className="small-text muted" htmlFor={id}>
        {label}
      </label>
      {/* Browsers draw their own meters differently, and not all of them can be told how. */}
      <meter className="hidden-text" id={id} min={0} max={100} value={percent} />
      <div className="progress" aria-hidden="true">
        <div style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}
