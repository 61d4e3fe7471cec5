/** The whole console: the way in, then the frame with the page that the address names. */

import { useCallback, useMemo, useRef, useState } from "react";
import { Toasts } from "../design/toasts.tsx";
import { Frame } from "./frame.tsx";
import { LiveProvider } from "./live.tsx";
import type { Page } from "./page.ts";
import { clientOf, type OwnKey, pageBaseUrl, type Session, SessionContext } from "./session.ts";
import { SignIn } from "./sign-in.tsx";
import { storedKey, storeKey } from "./stored-key.ts";

type SignedIn = { virtualKey: string; key: OwnKey };

export function Console({ pages }: { pages: readonly Page[] }) {
  // Taken from the address when the console begins, before anything reads the route.
  const [first] = useState(storedKey);
  const left = useRef(false);
  const [reason, setReason] = useState<string | null>(null);
  const [signedIn, setSignedIn] = useState<SignedIn | null>(null);

  const enter = useCallback((virtualKey: string, key: OwnKey) => {
    storeKey(virtualKey);
    setSignedIn({ virtualKey, key });
  }, []);
  const signOut = useCallback((why?: string) => {
    storeKey(null);
    left.current = true;
    setReason(why ?? null);
    setSignedIn(null);
  }, []);
  const session = useMemo<Session | null>(
    () => signedIn && { ...signedIn, client: clientOf(signedIn.virtualKey), baseUrl: pageBaseUrl(), signOut },
    [signedIn, signOut],
  );

  if (session === null) return <SignIn first={left.current ? null : first} reason={reason} onKey={enter} />;
  return (
    <SessionContext value={session}>
      <Toasts>
        <LiveProvider key={session.virtualKey}>
          <Frame pages={pages} />
        </LiveProvider>
      </Toasts>
    </SessionContext>
  );
}
