/** What ran as a program, to be copied. */

import { useState } from "react";
import { Dialog } from "../design/dialog.tsx";
import { Icon } from "../design/icon.tsx";
import { Tabs } from "../design/tabs.tsx";
import { useCopy } from "../design/use-copy.ts";
import { useSession } from "../shell/session.ts";
import { codeSample, LANGUAGES, type Language } from "./code-samples.ts";
import type { Request } from "./request-body.ts";

export function CodeDialog({ request, onClose }: { request: Request; onClose(): void }) {
  const { baseUrl } = useSession();
  const copy = useCopy();
  const [language, setLanguage] = useState<Language>("curl");
  const code = codeSample(language, request, baseUrl);
  return (
    <Dialog title="What ran, as code" onClose={onClose}>
      <Tabs<Language> label="Language" choices={LANGUAGES} chosen={language} onChoose={setLanguage}>
        <div className="stack tight">
          <pre>{code}</pre>
          <p className="small-text muted">
            The key is read from <code>CONDUIT_KEY</code> in the environment.
          </p>
        </div>
      </Tabs>
      <div className="row">
        <button className="button main" type="button" onClick={() => copy(code, `Copied as ${language}.`)}>
          <Icon name="copy" />
          Copy
        </button>
      </div>
    </Dialog>
  );
}
