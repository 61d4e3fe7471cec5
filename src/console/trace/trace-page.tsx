/** A live trace of one connection: what is asked of the gateway and what comes, frame by frame. */

import { useEffect, useRef, useState } from "react";
import { Notice } from "../design/notice.tsx";
import { Chip } from "../design/status-chip.tsx";
import type { PageProps } from "../shell/page.ts";
import { useSession } from "../shell/session.ts";
import { FrameList } from "./frame-list.tsx";
import { TraceConnection, type TraceEnd } from "./trace-connection.ts";
import { TraceForm } from "./trace-form.tsx";
import { TraceLog } from "./trace-log.ts";
import { followsAll, isHub, TRACE_SOURCES, type TraceSource } from "./trace-source.ts";

type Phase = "closed" | "connecting" | "open";

/** `source` and `task` of the address are what is entered at first. */
export function TracePage({ route: { query } }: PageProps) {
  const { virtualKey, baseUrl } = useSession();
  const [log] = useState(() => new TraceLog());
  const connection = useRef<TraceConnection | null>(null);
  const [source, setSource] = useState<TraceSource>(
    () => TRACE_SOURCES.find((known) => known === query.get("source")) ?? "tasks",
  );
  const [taskId, setTaskId] = useState(() => query.get("task") ?? "");
  const [phase, setPhase] = useState<Phase>("closed");
  const [end, setEnd] = useState<TraceEnd | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  // Who leaves the page leaves the connection.
  useEffect(() => () => connection.current?.close(), []);

  const connect = () => {
    if (taskId === "" && !followsAll(source)) {
      setProblem("This hub follows single tasks: name one.");
      return;
    }
    const opened = new TraceConnection({
      target: { source, taskId: taskId === "" ? null : taskId },
      baseUrl,
      virtualKey,
      log,
      listener: {
        opened: () => setPhase("open"),
        ended: (how) => {
          setPhase("closed");
          setEnd(how);
        },
      },
    });
    connection.current = opened;
    setPhase("connecting");
    setEnd(null);
    void opened.open();
  };
  const disconnect = () => {
    connection.current?.close();
    setPhase("closed");
  };
  return (
    <>
      <h1>Trace</h1>
      <form
        className="card padded stack"
        aria-label="What to look at"
        onSubmit={(event) => {
          event.preventDefault();
          if (phase === "closed") connect();
          else if (phase === "open" && isHub(source) && taskId !== "") connection.current?.follow(taskId);
        }}
      >
        <TraceForm
          source={source}
          taskId={taskId}
          problem={problem}
          isOpen={phase !== "closed"}
          onSource={(chosen) => {
            setSource(chosen);
            setProblem(null);
          }}
          onTask={(named) => {
            setTaskId(named);
            setProblem(null);
          }}
        />
        <div className="row apart">
          <div role="status">
            <PhaseChip phase={phase} end={end} />
          </div>
          <div className="row">
            {phase === "open" && isHub(source) && (
              <button className="button" type="submit" disabled={taskId === ""}>
                Follow this task
              </button>
            )}
            {/* Two buttons: one that turned into the other would submit by the click that disconnects. */}
            {phase === "closed" ? (
              <button key="connect" className="button main" type="submit">
                Connect
              </button>
            ) : (
              <button key="disconnect" className="button danger" type="button" onClick={disconnect}>
                Disconnect
              </button>
            )}
          </div>
        </div>
        {end !== null && <Notice tone={end.isFault ? "bad" : "plain"}>{end.text}</Notice>}
      </form>
      <FrameList log={log} />
    </>
  );
}

function PhaseChip({ phase, end }: { phase: Phase; end: TraceEnd | null }) {
  if (phase === "connecting") return <Chip tone="warn">Connecting…</Chip>;
  if (phase === "open") return <Chip tone="good">Open</Chip>;
  return <Chip tone={end?.isFault ? "bad" : "plain"}>{end === null ? "Not connected" : "Closed"}</Chip>;
}
