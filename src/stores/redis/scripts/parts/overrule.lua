-- Ends that any process may make, over whoever holds the task.

-- A reference is stored, a claim is held, or a submit may have gone through.
local function leaves_job_behind(t)
  return t.state ~= '' or t.lease ~= '-' or t.unsure == '1'
end

-- Answers the update.
local function overrule(t, status)
  local fence, behind = t.fence, leaves_job_behind(t)
  t.fence, t.settled = exact(t.fence + 1), behind and '0' or '1'
  if status == 'cancelled' then
    t.cancellation = behind and 'requested' or 'immediate'
  else
    -- Its words are made where it is read.
    put(t, 'error', 'deadline')
  end
  finish(t, status)
  local update = commit(t, status)
  if behind then add_cleanup(t, fence) end
  return update
end
