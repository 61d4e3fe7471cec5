/** What ran as a program, to be copied. */

import { useState } from "react";
import { Dialog } from "../design/dialog.tsx";
import { Icon } from "../design/icon.tsx";
import { Tabs } from "../design/tabs.tsx";
import { useToast } from "../design/toasts.tsx";
import { useSession } from "../shell/session.ts";
import { codeSample, LANGUAGES, type Language } from "./code-samples.ts";
import type { Request } from "./request-body.ts";

export function CodeDialog({ request, onClose }: { request: Request; onClose(): void }) {
  const { baseUrl } = useSession();
  const toast = useToast();
  const [language, setLanguage] = useState<Language>("curl");
  const code = codeSample(language, request, baseUrl);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      toast({ tone: "good", text: `Copied as ${language}.` });
    } catch {
      // Browsers give pages without TLS no clipboard.
      toast({ tone: "bad", text: "The browser did not let the page copy. Select the text instead." });
    }
  };
  return (
    <Dialog title="What ran, as code" onClose={onClose}>
      <Tabs<Language> label="Language" choices={LANGUAGES} chosen={language} onChoose={setLanguage}>
        <div className="stack tight">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard. */}
          <pre tabIndex={0}>{code}</pre>
          <p className="small-text muted">
            The key is read from <code>CONDUIT_KEY</code> in the environment.
          </p>
        </div>
      </Tabs>
      <div className="row">
        <button className="button main" type="button" onClick={() => void copy()}>
          <Icon name="copy" />
          Copy
        </button>
      </div>
    </Dialog>
  );
}
