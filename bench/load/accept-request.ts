/** What the accept benches send: a picture as an app would ask for it. */

export const ACCEPT_PATH = "/v1/images/generations/async";
export const ACCEPT_BODY = {
  model: "local/canvas",
  prompt: "A red fox in the snow at dusk, long shadows between birches, soft light, seen from a low angle",
  n: 1,
  size: "1024x1024",
  quality: "high",
  user: "user-1842",
  metadata: { project: "winter", shot: "12" },
};
