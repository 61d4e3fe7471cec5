/** The whole console: the way in, then the frame with the page that the address names. */

import { useCallback, useEffect, useMemo, useState } from "react";
import { Toasts } from "../design/toasts.tsx";
import { PageFrame } from "./frame.tsx";
import { LiveProvider } from "./live.tsx";
import type { Page } from "./page.ts";
import { type ConsoleSession, clientOf, type OwnKey, pageBaseUrl, SessionContext } from "./session.ts";
import { SignIn } from "./sign-in.tsx";
import { storedKey, storeKey, takeGivenKey } from "./stored-key.ts";

type SignedIn = { virtualKey: string; key: OwnKey };

export function Console({ pages }: { pages: readonly Page[] }) {
  // Taken from the address when the console begins, before anything reads the route.
  const [first, setFirst] = useState(storedKey);
  const [reason, setReason] = useState<string | null>(null);
  const [signedIn, setSignedIn] = useState<SignedIn | null>(null);

  const enter = useCallback((virtualKey: string, key: OwnKey) => {
    storeKey(virtualKey);
    setSignedIn({ virtualKey, key });
  }, []);
  const signOut = useCallback((why?: string) => {
    storeKey(null);
    setFirst(null);
    setReason(why ?? null);
    setSignedIn(null);
  }, []);
  // A link that signs in, opened in a tab that has the console already, changes the address alone.
  useEffect(() => {
    const look = () => {
      const given = takeGivenKey();
      if (given === null) return;
      signOut();
      setFirst(given);
    };
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, [signOut]);
  const session = useMemo<ConsoleSession | null>(
    () => signedIn && { ...signedIn, client: clientOf(signedIn.virtualKey), baseUrl: pageBaseUrl(), signOut },
    [signedIn, signOut],
  );

  // Another key is another attempt.
  if (session === null) return <SignIn key={first} first={first} reason={reason} onKey={enter} />;
  return (
    <SessionContext value={session}>
      <Toasts>
        <LiveProvider key={session.virtualKey}>
          <PageFrame pages={pages} />
        </LiveProvider>
      </Toasts>
    </SessionContext>
  );
}
