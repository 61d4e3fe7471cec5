/** The page: a prompt, a button, and each picture with its progress. */

import { useConduitRealtime } from "@conduit-gateway/client/react";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

const { baseUrl } = (await (await fetch("/gateway")).json()) as { baseUrl: string };

/** Asked again before the key it gave has expired. */
async function tokenProvider() {
  const answer = await fetch("/conduit-key", { method: "POST" });
  const made = await answer.json();
  if (!answer.ok) throw new Error(made.error);
  return made;
}

function Studio() {
  const [prompt, setPrompt] = useState("a fox crossing a snowy forest at night");
  const [refusal, setRefusal] = useState("");
  const { isConnected, error, generateImage, tasks } = useConduitRealtime({
    tokenProvider,
    baseUrl,
    autoConnect: true,
  });
  const paint = () => {
    setRefusal("");
    // Large, so that the built-in painter takes a moment.
    const request = { model: "local/canvas", prompt, size: "2048x2048" };
    generateImage(request).catch((why: Error) => setRefusal(why.message));
  };
  return (
    <>
      <input
        value={prompt}
        onChange={({ target }) => setPrompt(target.value)}
        size={50}
        aria-label="Prompt"
      />
      <button type="button" onClick={paint} disabled={!isConnected}>
        Paint
      </button>
      <p role="alert">{refusal || error?.message}</p>
      {[...tasks.values()].reverse().map(({ id, progress, status, result, error }) => (
        <figure key={id}>
          {status === "pending" && <progress max={100} value={progress} />}
          {result?.imageUrl && <img src={result.imageUrl} alt="" width={512} />}
          <figcaption>{error ?? `${status} ${progress}%`}</figcaption>
        </figure>
      ))}
    </>
  );
}

createRoot(document.querySelector("#studio") as HTMLElement).render(
  <StrictMode>
    <Studio />
  </StrictMode>,
);
