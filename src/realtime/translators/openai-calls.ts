/** WebRTC calls at OpenAI. Facts: platform.openai.com/docs/guides/realtime-webrtc and -server-controls. */

import { isObject } from "../json.ts";
import type { CallDialect, CallRequest, UpstreamEndpoint } from "../translator.ts";

/** An id goes into addresses: nothing else is taken for one. */
const CALL_ID = /^[A-Za-z0-9_-]{1,128}$/;

export const openAiCalls: CallDialect = {
  offer({ endpoint, providerModel, intent }, sdp, session) {
    // GA sessions have no temperature, and refuse one.
    const { temperature: _none, model: _other, ...fields } = isObject(session) ? session : {};
    const body = new FormData();
    body.set("sdp", sdp);
    const kind = intent === "transcription" ? { type: intent } : { type: "realtime", model: providerModel };
    body.set("session", JSON.stringify({ ...fields, ...kind }));
    return request(endpoint, "", body);
  },
  callIdOf(location) {
    const id = location?.split(/[?#]/, 1)[0]?.split("/").pop();
    return id !== undefined && CALL_ID.test(id) ? id : null;
  },
  hangUp: (endpoint, callId) => request(endpoint, `/${callId}/hangup`, null),
};

/** The routes stand beside the socket's address. */
function request(endpoint: UpstreamEndpoint, path: string, body: FormData | null): CallRequest {
  return {
    url: `${endpoint.baseUrl.replace(/^ws/, "http")}/calls${path}`,
    headers: {
      ...(endpoint.key !== null && { authorization: `Bearer ${endpoint.key}` }),
      ...endpoint.headers,
    },
    body,
  };
}
