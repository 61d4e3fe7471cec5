/** The frames of a trace, and what is done with them: pause, clear, filter, copy. */

import { useCallback, useDeferredValue, useMemo, useState, useSyncExternalStore } from "react";
import { EndScroller } from "../design/end-scroller.tsx";
import { Icon } from "../design/icon.tsx";
import { Empty } from "../design/notice.tsx";
import { useCopy } from "../design/use-copy.ts";
import { FrameRow } from "./frame-row.tsx";
import { copyOf, framesWith } from "./frame-text.ts";
import { MOST_FRAMES, type TraceFrame, type TraceLog } from "./trace-log.ts";

export function FrameList({ log }: { log: TraceLog }) {
  const { frames, isPaused, waiting, dropped } = useSyncExternalStore(log.listen, log.view);
  const copy = useCopy();
  const [search, setSearch] = useState("");
  const [isWhole, setWhole] = useState(false);
  const wanted = useDeferredValue(search);
  const shown = useMemo(() => framesWith(frames, wanted), [frames, wanted]);
  const copyFrame = useCallback(
    (frame: TraceFrame) => copy(copyOf([frame]), "The frame was copied."),
    [copy],
  );
  return (
    <section className="stack" aria-label="Frames">
      <div className="row">
        <input
          className="input frame-search"
          type="search"
          placeholder="Only frames with this text"
          aria-label="Only frames with this text"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
        <label className="check">
          <input type="checkbox" checked={isWhole} onChange={({ target }) => setWhole(target.checked)} />
          Whole frames
        </label>
        <button className="button" type="button" aria-pressed={isPaused} onClick={() => log.pause(!isPaused)}>
          {isPaused ? "Go on" : "Pause"}
        </button>
        <button className="button" type="button" disabled={frames.length === 0} onClick={() => log.clear()}>
          Clear
        </button>
        <button
          className="button"
          type="button"
          disabled={shown.length === 0}
          onClick={() => copy(copyOf(shown), `Copied ${countText(shown.length)}.`)}
        >
          <Icon name="copy" />
          Copy all
        </button>
      </div>
      <div className="card frames">
        <EndScroller className="frames-scroller" label="Frames, newest last">
          {shown.length === 0 ? (
            <Empty title={frames.length === 0 ? "No frames yet" : "No frame has this text"}>
              {frames.length === 0
                ? "Connect, and every frame of the connection appears here as it goes or comes."
                : `There are ${frames.length} others.`}
            </Empty>
          ) : (
            <ol>
              {shown.map((frame) => (
                <FrameRow key={frame.id} frame={frame} isWhole={isWhole} onCopy={copyFrame} />
              ))}
            </ol>
          )}
        </EndScroller>
      </div>
      <p className="small-text muted" role="status">
        {shown.length > 0 && `${countText(shown.length)} shown. `}
        {isPaused && `Paused, ${waiting} more since. `}
        {dropped > 0 && `The latest ${MOST_FRAMES} are kept, ${dropped} older ones were let go.`}
      </p>
    </section>
  );
}

function countText(frames: number): string {
  return frames === 1 ? "1 frame" : `${frames} frames`;
}
