-- What looks after the job that the end of the task may have left upstream; `fence` is its last holder's.

local function add_cleanup(t, fence)
  rcall('HSET', P .. 'cleanup:' .. t.id, 'created', now_text, 'end', exact(now + CLEANUP_LIMIT_MS), 'held', 0, 'tries', 0,
    'fence', 0, 'holder', fence, 'late', 0, 'cost', '', 'state', t.state)
  rcall('ZADD', P .. 'cleanups', now_text, t.id)
  rcall('ZADD', P .. 'cleanup-ends', now + CLEANUP_LIMIT_MS, t.id)
end
