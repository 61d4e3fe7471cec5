-- The reducer's ends. See src/tasks/transition.ts: the two must agree, and a test compares them.

local function finish(t, status)
  t.status, t.updated, t.finished, t.lease, t.due, t.rank = status, now_text, now_text, '-', '-', '-'
  put(t, 'message', '')
end
