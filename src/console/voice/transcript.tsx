/** What is said by both sides, as it is said. */

import { EndScroller } from "../design/end-scroller.tsx";
import { durationWords } from "../design/format.ts";
import { Empty } from "../design/notice.tsx";
import type { TranscriptLine } from "./transcript-lines.ts";

const WHO = { user: "You", assistant: "Answer" } as const;

export function TranscriptCard({ lines }: { lines: readonly TranscriptLine[] }) {
  const said = lines.filter(({ text, heardMs }) => text !== "" || heardMs !== null);
  return (
    <div className="card transcript">
      <EndScroller className="transcript-lines" label="Transcript">
        {said.length === 0 ? (
          <Empty title="Nothing was said yet">
            Start a session and speak. What you and the model say is written here.
          </Empty>
        ) : (
          <ol aria-live="polite">
            {said.map(({ itemId, role, text, isFinal, heardMs }) => (
              <li key={itemId} className={role}>
                <strong className="small-text">{WHO[role]}</strong>
                <p>
                  {text}
                  {!isFinal && heardMs === null && " …"}
                </p>
                {heardMs !== null && (
                  <span className="small-text muted">Interrupted after {durationWords(heardMs)}</span>
                )}
              </li>
            ))}
          </ol>
        )}
      </EndScroller>
    </div>
  );
}
